package weights

import (
	"bytes"
	"testing"
	"testing/fstest"
)

// beside returns what a file with tensors of these names is.
func beside(t *testing.T, names ...string) string {
	t.Helper()
	var tensors []Tensor
	for _, name := range names {
		tensors = append(tensors, F32(name, []int{1}, []float32{1}))
	}
	var data bytes.Buffer
	if err := Write(&data, tensors, nil); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFS(fstest.MapFS{"x.safetensors": {Data: data.Bytes()}}, "x.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Beside(f)
}

func TestBeside(t *testing.T) {
	for name, want := range map[string]string{
		"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight":                         strangers[0].is,
		"unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight":         strangers[0].is,
		"mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight": strangers[0].is,
		"lora_unet_mid_block.hada_w1_a":                                                     strangers[0].is,
		"controlnet_cond_embedding.conv_in.weight":                                          strangers[1].is,
		"control_model.input_hint_block.0.weight":                                           strangers[1].is,
		"ip_adapter.1.to_k_ip.weight":                                                       strangers[2].is,
		"down_blocks.0.motion_modules.0.proj_in.weight":                                     strangers[3].is,
		"emb_params":                          strangers[4].is,
		"<my-cat>":                            strangers[4].is,
		"double_blocks.0.img_attn.qkv.weight": strangers[5].is,
		"model.diffusion_model.joint_blocks.0.x_block.mlp.fc1": strangers[6].is,
		"decoder.conv_in.weight":                               parts[0].is,
		"first_stage_model.decoder.conv_in.weight":             parts[0].is,
		"text_model.embeddings.token_embedding.weight":         parts[1].is,
		"encoder.block.0.layer.0.SelfAttention.k.weight":       parts[1].is,
		"x_embedder.proj.weight":                               "",
		"down_blocks.0.resnets.0.conv1.weight":                 "",
		"transformer_blocks.0.attn1.to_q.weight":               "",
	} {
		if got := beside(t, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, net := range []string{"model.diffusion_model.input_blocks.0.0.weight", "model.diffusion_model.other"} {
		checkpoint(t, net)
	}
}

// checkpoint holds that parts of a whole model beside its denoiser are not what the file is.
func checkpoint(t *testing.T, net string) {
	t.Helper()
	for _, other := range []string{"first_stage_model.decoder.conv_in.weight",
		"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"} {
		if got := beside(t, net, other); got != "" {
			t.Errorf("a checkpoint with %s: got %q, want nothing", other, got)
		}
	}
}
