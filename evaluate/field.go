package evaluate

import "mgd3/tensorset"

// The protocols of the field's programs, beside those of protocol.go. Their numbers are from the programs' sources:
//
//	dc       VICO-UoE/DatasetCondensation, main.py and utils.py: no augmentation, 300 epochs
//	dsa      the same for --method DSA, and main_DM.py: DSA's augmentation, 1,000 epochs
//	mtt      GeorgeCazenavette/mtt-distillation, distill.py and utils.py: dsa with aligned corners and the rate that
//	         was learned with the images, if it is there
//	mtt-zca  the same with --zca: all images whitened by the training set
//	idc      snu-mllab/Efficient-Dataset-Condensation, argument.py, train.py, test.py, augment.py: for images of up to
//	         32 pixels; larger ones have hard, which is its protocol for ImageNet
//	sre2l    VILA-Lab/SRe2L, SRe2L/validate/train_FKD.sh and .py; its labels are stored, see FKD
//	rded     LINs-lab/RDED, argument.py, validation/main.py and utils.py: soft by another name
//	cao2     hatchetProject/CaO2, run.sh: RDED's evaluation, --factor 2 --re-epochs 300
//
// A training of these programs has one epoch more than it is told, and the rate falls after the one in the middle; they
// begin the momentum anew there, which we do not. TestFieldConstants holds every number.

// dcProtocol is that of DC's program.
func dcProtocol(f Facts) Protocol {
	size := min(Published, f.Size)
	mean, std := colours(f, tensorset.CIFAR100)
	p := Protocol{
		Name: "dc", Labels: Hard, Norm: Instance, Size: size, TrainSize: size,
		Batch: 256, TestBatch: 64,
		Optimiser: Optimiser{Kind: SGD, Rate: 0.01, Momentum: 0.9, Decay: 5e-4},
		Schedule:  Schedule{Kind: HalfStep, Factor: 0.1},
		Augment:   Augment{Centre: true, Mean: mean, Std: std},
		Publish:   Last,
	}
	p.setEpochs(300 + 1)
	return p
}

// dsaProtocol is that of DSA's and DM's programs.
func dsaProtocol(f Facts) Protocol {
	p := dcProtocol(f)
	p.Name, p.DSA = "dsa", dsa(false)
	p.setEpochs(1000 + 1)
	return p
}

// mttProtocol is that of MTT's program; whiten is its --zca.
func mttProtocol(f Facts, whiten bool) Protocol {
	p := dsaProtocol(f)
	p.Name, p.DSA = "mtt", dsa(true)
	p.Augment.Mean, p.Augment.Std = colours(f, tensorset.CIFAR10)
	if f.Rate > 0 {
		p.Optimiser.Rate = f.Rate
	}
	if whiten {
		p.Name, p.Whiten = "mtt-zca", true
		p.Augment.Mean, p.Augment.Std = [3]float64{}, [3]float64{1, 1, 1}
	}
	return p
}

// colours are mean and deviation of images: up to 32 pixels those of CIFAR, for 100 classes those that a program has
// for CIFAR-100, else ImageNet's.
func colours(f Facts, hundred tensorset.Pixels) (mean, std [3]float64) {
	const cifarSide = 32
	switch {
	case f.Size > cifarSide:
		return tensorset.ImageNet.Stats()
	case f.Classes == 100:
		return hundred.Stats()
	}
	return tensorset.CIFAR10.Stats()
}

// idcProtocol is that of IDC's program, which DREAM's and others share: SGD, batches of 64, 1,000 epochs with a fifth
// of the rate after two thirds and five sixths, CutMix in half of the batches, tests after each quarter. Of 100 classes
// images are moved by up to 4 pixels and mirrored; all others have DSA's changes but the cutout, in IDC's order. Its
// numbers of CIFAR-100's colours are those of CIFAR-10.
func idcProtocol(f Facts) Protocol {
	const cifarSide = 32
	p := hardProtocol(f)
	p.Name = "idc"
	if f.Size > cifarSide {
		return p
	}
	p.Batch, p.Optimiser.Rate, p.Optimiser.Decay = 64, 0.01, 5e-4 // also of more than 100 classes
	p.CutMix, p.Validation.Times = 0.5, 4
	mean, std := tensorset.CIFAR10.Stats()
	p.Augment = Augment{Centre: true, Mean: mean, Std: std}
	if f.Classes == 100 {
		p.Augment.Pad, p.Augment.Flip = 4, 0.5
	} else {
		p.DSA = dsa(false)
		p.DSA.Cutout, p.DSA.InTurn = 0, true
	}
	p.setEpochs(1000)
	return p
}

// sre2lProtocol is that of SRe2L's program. It looks at the test images after the first epoch and every tenth from
// there on; it takes the batch in two halves, which its batch norms see apart and ours do not.
func sre2lProtocol(f Facts) Protocol {
	p := softProtocol(f, 1)
	p.Name, p.Norm = "sre2l", Batch
	p.Batch = min(1024, f.Images)
	p.Augment.Scale = [2]float64{0.08, 1}
	p.Optimiser.Rate = 1e-3
	p.Schedule = Schedule{Kind: Cosine}
	p.Validation = Validation{Every: 10, Phase: 1}
	return p
}

// renamed is a protocol by the name of those who use it.
func renamed(p Protocol, name string) Protocol {
	p.Name = name
	return p
}
