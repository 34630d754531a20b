package cluster

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"text/template"

	"mgd3/store"
)

// Kubernetes is what is asked of Kubernetes for each task.
type Kubernetes struct {
	Name      string            // of the jobs, with a dash and the stage behind it
	Namespace string            // "" is that of kubectl
	Image     string            // with mgd3 as its entry point
	Volumes   []Volume          // with the images, the model and the output
	CPU       string            // cores of a task, "4" say; "" asks for none
	Memory    string            // "32Gi" say; "" asks for none
	GPUs      int               // of tasks with networks
	GPU       string            // the name of the resource, nvidia.com/gpu
	Selector  map[string]string // labels that nodes must have
	Queue     string            // Kueue's local queue; "" is none
	Parallel  int               // tasks of a stage at once; 0 is all
	Retries   int               // of a task
	Account   string            // service account; "" is the namespace's own
	Secrets   []string          // whose keys are variables of the tasks: credentials of buckets
	Scratch   string            // the most that a task's temporary files may have; "" is a folder of the image's
}

// Volume is files that a task sees: a claim, or a folder of the node.
type Volume struct {
	Claim, HostPath string // one of them
	Path            string // in the task
	ReadOnly        bool
}

// ErrKubernetes says that a setting cannot stand in a Job.
var ErrKubernetes = errors.New("cannot stand in a Job")

// ParseVolume reads CLAIM:PATH, /FOLDER/OF/THE/NODE:PATH, and either with :ro.
func ParseVolume(text string) (Volume, error) {
	parts := strings.Split(text, ":")
	v := Volume{}
	if len(parts) == 3 && parts[2] == "ro" {
		v.ReadOnly, parts = true, parts[:2]
	}
	if len(parts) != 2 || parts[0] == "" || !path.IsAbs(parts[1]) {
		return v, fmt.Errorf("--volume %q %w: want CLAIM:/PATH or /FOLDER:/PATH, perhaps with :ro", text, ErrKubernetes)
	}
	v.Path = parts[1]
	switch {
	case path.IsAbs(parts[0]):
		v.HostPath = parts[0]
	case subdomain.MatchString(parts[0]):
		v.Claim = parts[0]
	default:
		return v, fmt.Errorf("--volume %q %w: %q is no name of a claim", text, ErrKubernetes, parts[0])
	}
	return v, nil
}

// What names, labels and quantities look like (RFC 1123 and the reference of Kubernetes).
var (
	label     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	subdomain = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	quantity  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)
	notLabel  = regexp.MustCompile(`[^a-z0-9]+`)
)

// JobName makes a name of jobs of an output folder's.
func JobName(out string) string {
	return strings.Trim("mgd3-"+strings.Trim(notLabel.ReplaceAllString(strings.ToLower(path.Base(out)), "-"), "-"), "-")
}

// Check says which setting Kubernetes would not take, for a run in that output folder.
func (k Kubernetes) Check(out string) error {
	for _, name := range k.Secrets {
		if !subdomain.MatchString(name) {
			return fmt.Errorf("--secret %q %w: want the name of a Secret", name, ErrKubernetes)
		}
	}
	const longest = 40 // with -evaluate, an index and what pods get behind it 63
	switch {
	case !label.MatchString(k.Name) || len(k.Name) > longest:
		return fmt.Errorf("--name %q %w: want at most %d of a-z, 0-9 and -", k.Name, ErrKubernetes, longest)
	case k.Namespace != "" && !label.MatchString(k.Namespace):
		return fmt.Errorf("--namespace %q %w: want a-z, 0-9 and -", k.Namespace, ErrKubernetes)
	case k.Image == "":
		return fmt.Errorf("--image is missing: it names the image with mgd3")
	case k.CPU != "" && !quantity.MatchString(k.CPU):
		return fmt.Errorf("--cpu %q %w: want a quantity such as 4 or 500m", k.CPU, ErrKubernetes)
	case k.Memory != "" && !quantity.MatchString(k.Memory):
		return fmt.Errorf("--memory %q %w: want a quantity such as 32Gi", k.Memory, ErrKubernetes)
	case k.Queue != "" && !subdomain.MatchString(k.Queue):
		return fmt.Errorf("--queue %q %w: want the name of a local queue", k.Queue, ErrKubernetes)
	case k.Account != "" && !subdomain.MatchString(k.Account):
		return fmt.Errorf("--service-account %q %w: want the name of one", k.Account, ErrKubernetes)
	case k.Scratch != "" && !quantity.MatchString(k.Scratch):
		return fmt.Errorf("--scratch %q %w: want a quantity such as 8Gi", k.Scratch, ErrKubernetes)
	case len(k.Volumes) == 0 && !store.Is(out):
		return fmt.Errorf("--volume is missing: the tasks need the images and a place for the output, which may " +
			"also be in a bucket")
	case k.GPUs < 0 || k.Parallel < 0 || k.Retries < 0:
		return fmt.Errorf("--gpus, --parallel and --retries are %d, %d and %d, want at least 0", k.GPUs, k.Parallel,
			k.Retries)
	}
	return nil
}

// PlanJobs returns the stages of a run where jobs cannot wait for one another's tasks: all that a class needs is one
// task. The images are not seen where this runs.
func PlanJobs(tasks, trainings int, cmds Commands) ([]Stage, error) {
	if tasks < 1 {
		return nil, fmt.Errorf("--tasks is %d, want at least 1: the tasks that distill is cut into", tasks)
	}
	list := []Stage{
		{Name: Distill, Tasks: tasks, Command: cmds.Distill, Sharded: true, Heavy: true},
		{Name: Merge, Tasks: 1, Command: cmds.Merge, After: Distill},
	}
	return append(list, evaluation(Work{Trainings: trainings}, cmds)...), nil
}

//go:embed job.yaml.tmpl
var jobText string

// quoted is a string in double quotes, as JSON and YAML both read it.
func quoted(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSpace(b.String()), err
}

var jobTemplate = template.Must(template.New("job").Funcs(template.FuncMap{"q": quoted}).Parse(jobText))

// Jobs writes the stages as YAML, a document each.
func (k Kubernetes) Jobs(w io.Writer, out string, stages []Stage) error {
	for i, s := range stages {
		if i > 0 {
			fmt.Fprintln(w, "---") // a lost line is an error of Job
		}
		if err := k.Job(w, out, s); err != nil {
			return err
		}
	}
	return nil
}

// Job writes one stage as the YAML of an Indexed Job.
func (k Kubernetes) Job(w io.Writer, out string, s Stage) error {
	record := store.Address(path.Join(Dir(out), s.Name))
	args := []string{"cluster", "task", "--record", record, "--stage", s.Name, "--task", "auto",
		"--retries", fmt.Sprint(k.Retries), "--"}
	args = append(args, s.Command...)
	if s.Sharded {
		args = append(args, "--shard=auto")
	}
	for i := range args { // Kubernetes puts the value of VAR in the place of $(VAR)
		args[i] = strings.ReplaceAll(args[i], "$(", "$$(")
	}
	limits := map[string]string{}
	for name, value := range map[string]string{"cpu": k.CPU, "memory": k.Memory} {
		if value != "" {
			limits[name] = value
		}
	}
	if k.GPUs > 0 && s.Heavy {
		limits[k.GPU] = fmt.Sprint(k.GPUs)
	}
	parallel := s.Tasks
	if k.Parallel > 0 {
		parallel = min(parallel, k.Parallel)
	}
	var volumes []volume
	for i, v := range k.Volumes {
		volumes = append(volumes, volume{fmt.Sprintf("v%d", i), v})
	}
	return jobTemplate.Execute(w, struct {
		Kubernetes
		Stage
		Job      string
		Args     []string
		Limits   map[string]string
		Parallel int
		Never    []int
		Shards   string
		Mounts   []volume
	}{k, s, k.Name + "-" + s.Name, args, limits, parallel, Never, Shards, volumes})
}

// volume is a Volume with a name in its Job.
type volume struct {
	Name string
	Volume
}
