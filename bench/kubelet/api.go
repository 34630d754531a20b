package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// indexLabel is the label that a pod of an Indexed Job has its index in.
const indexLabel = "batch.kubernetes.io/job-completion-index"

// api is the API server.
type api struct{ server, token string }

// client takes any certificate: the server is on this machine, and has made its own.
var client = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
}

// pod is what is read of a pod.
type pod struct {
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		UID         string            `json:"uid"`
		Deletion    string            `json:"deletionTimestamp"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Name string   `json:"name"`
			Args []string `json:"args"`
			Env  []struct {
				Name      string `json:"name"`
				Value     string `json:"value"`
				ValueFrom *struct {
					FieldRef struct {
						FieldPath string `json:"fieldPath"`
					} `json:"fieldRef"`
				} `json:"valueFrom"`
			} `json:"env"`
			EnvFrom []struct {
				Secret struct {
					Name string `json:"name"`
				} `json:"secretRef"`
			} `json:"envFrom"`
			Mounts []struct {
				Name     string `json:"name"`
				Path     string `json:"mountPath"`
				ReadOnly bool   `json:"readOnly"`
			} `json:"volumeMounts"`
		} `json:"containers"`
		Volumes []struct {
			Name  string `json:"name"`
			Claim struct {
				Name string `json:"claimName"`
			} `json:"persistentVolumeClaim"`
			HostPath struct {
				Path string `json:"path"`
			} `json:"hostPath"`
			EmptyDir *struct {
				Limit string `json:"sizeLimit"`
			} `json:"emptyDir"`
		} `json:"volumes"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

func (a api) pods(ctx context.Context) ([]pod, error) {
	var list struct {
		Items []pod `json:"items"`
	}
	data, err := a.call(ctx, http.MethodGet, "/api/v1/pods", "", nil)
	if err != nil {
		return nil, err
	}
	return list.Items, json.Unmarshal(data, &list)
}

// secret returns the keys of a Secret, each with its value, as variables of an environment.
func (a api) secret(ctx context.Context, namespace, name string) (env []string, err error) {
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	data, err := a.call(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/secrets/"+name, "", nil)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(data, &secret)
	for name, value := range secret.Data {
		env = append(env, name+"="+string(value))
	}
	return env, err
}

// report patches the status of a pod: its phase, how its container is, and a condition where there is one.
func (a api) report(ctx context.Context, p pod, phase string, code int, reason, condition string) error {
	now := time.Now().UTC().Format(time.RFC3339)
	state := map[string]any{"running": map[string]any{"startedAt": now}}
	if phase != "Running" {
		state = map[string]any{"running": nil, "terminated": map[string]any{"exitCode": code, "reason": reason,
			"finishedAt": now}}
	}
	status := map[string]any{"phase": phase, "containerStatuses": []any{map[string]any{
		"name": p.Spec.Containers[0].Name, "image": "mgd3", "imageID": "mgd3", "ready": phase == "Running",
		"restartCount": 0, "state": state}}}
	if condition != "" {
		status["conditions"] = []any{map[string]any{"type": condition, "status": "True", "lastTransitionTime": now,
			"reason": "EvictionByEvictionAPI", "message": "the node is drained"}}
	}
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = a.call(ctx, http.MethodPatch, fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/status", p.Metadata.Namespace,
		p.Metadata.Name), "application/strategic-merge-patch+json", body)
	return err
}

func (a api) call(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, data)
	}
	return data, err
}
