// Kubelet plays the kubelets of a cluster whose control plane is real, for bench/kubernetes.sh: it runs the command of
// every pending pod as a process in an empty root with the program and the pod's volumes, and reports how it ended. It
// needs root (mounts, chroot, PID namespaces), and no engine.
//
//	kubelet --server https://127.0.0.1:16443 --token tok --program mgd3 --claims DIR --work DIR
//	        [--fault KIND:INDEX:TIMES]...
//
// Faults hit pods of the Job whose name ends in --of, each index the given number of times, a random moment after its
// start:
//
//	kill      its process is killed as by the system: exit code 137
//	disrupt   it is evicted: TERM, KILL, and the condition DisruptionTarget, as a drained node's pods have
//
//	main.go      pods that come and go, and their faults
//	api.go       the requests to the API server
//	container.go the root of a pod, its volumes, and its process
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// kubelet is what all pods share.
type kubelet struct {
	api
	node
	of     string // the end of the name of the Job whose pods have faults
	within time.Duration

	mu      sync.Mutex
	random  *rand.Rand
	faults  map[string]map[string]int // kind, index: how often it is still to happen
	running map[string]context.CancelFunc
}

func main() {
	k := kubelet{faults: map[string]map[string]int{}, running: map[string]context.CancelFunc{}}
	flag.StringVar(&k.server, "server", "https://127.0.0.1:16443", "`URL` of the API server")
	flag.StringVar(&k.token, "token", "", "bearer token")
	flag.StringVar(&k.program, "program", "", "`FILE` of the program, static")
	flag.StringVar(&k.claims, "claims", "", "`DIR` with a folder for each claim")
	flag.StringVar(&k.work, "work", "", "`DIR` of the pods' roots")
	flag.StringVar(&k.of, "of", "-distill", "the end of the `NAME` of the Job whose pods have faults")
	flag.DurationVar(&k.within, "within", time.Second, "a fault happens within this `TIME` after a pod's start")
	seed := flag.Uint64("seed", 1, "seed of the moments of faults")
	flag.Func("fault", "`KIND:INDEX:TIMES`; may be given several times", k.addFault)
	flag.Func("env", "`NAME=VALUE` in the environment of all pods; may be given several times",
		func(text string) error {
			k.env = append(k.env, text)
			return nil
		})
	flag.Parse()
	k.random = rand.New(rand.NewPCG(*seed, 0))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var group sync.WaitGroup
	for ctx.Err() == nil {
		if err := k.look(ctx, &group); err != nil {
			fmt.Fprintln(os.Stderr, "kubelet:", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	group.Wait()
}

func (k *kubelet) addFault(text string) error {
	parts := strings.Split(text, ":")
	if len(parts) != 3 || parts[0] != "kill" && parts[0] != "disrupt" {
		return fmt.Errorf("want kill or disrupt, an index and a number, with colons")
	}
	n, err := strconv.Atoi(parts[2])
	if k.faults[parts[0]] == nil {
		k.faults[parts[0]] = map[string]int{}
	}
	k.faults[parts[0]][parts[1]] = n
	return err
}

// look starts the pods that are new, and ends those that are deleted.
func (k *kubelet) look(ctx context.Context, group *sync.WaitGroup) error {
	pods, err := k.pods(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	there := map[string]bool{}
	for _, p := range pods {
		id := p.Metadata.UID
		there[id] = p.Metadata.Deletion == ""
		if _, known := k.running[id]; known || p.Status.Phase != "Pending" || !there[id] {
			continue
		}
		own, cancel := context.WithCancel(ctx)
		k.running[id] = cancel
		group.Go(func() { k.do(own, p) })
	}
	for id, cancel := range k.running {
		if !there[id] {
			cancel()
		}
	}
	return nil
}

// fault is what is to happen to a pod that starts, and when; "" is nothing.
func (k *kubelet) fault(p pod) (kind string, after time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !strings.HasSuffix(p.Metadata.Labels["batch.kubernetes.io/job-name"], k.of) {
		return "", 0
	}
	for kind, left := range k.faults {
		if index := p.Metadata.Labels[indexLabel]; left[index] > 0 {
			left[index]--
			return kind, time.Duration(k.random.Int64N(int64(k.within)))
		}
	}
	return "", 0
}

// do runs a pod to its end and reports it.
func (k *kubelet) do(ctx context.Context, p pod) {
	kind, after := k.fault(p)
	say := func(format string, args ...any) {
		fmt.Printf("%s %s index %s: %s\n", time.Now().Format(time.TimeOnly), p.Metadata.Name,
			p.Metadata.Labels[indexLabel], fmt.Sprintf(format, args...))
	}
	late := context.WithoutCancel(ctx)
	c, err := k.start(ctx, k.api, p)
	if err != nil {
		say("%v", err)
		_ = k.report(late, p, "Failed", 128, "StartError", "")
		return
	}
	if err := k.report(late, p, "Running", 0, "", ""); err != nil {
		say("%v", err)
	}
	moment := make(<-chan time.Time)
	if kind != "" {
		moment = time.After(after)
	}
	hit := ""
	select {
	case <-c.ended:
	case <-ctx.Done(): // deleted, or the end of the kubelet
		c.stop()
	case <-moment:
		hit = kind
		if kind == "kill" {
			c.kill()
		} else {
			c.stop()
		}
	}
	<-c.ended
	code, err := c.close()
	if err != nil {
		say("%v", err)
	}
	phase, reason, condition := "Succeeded", "Completed", ""
	if code != 0 {
		phase, reason = "Failed", "Error"
	}
	if hit == "disrupt" {
		phase, condition = "Failed", "DisruptionTarget"
	}
	say("%s, exit code %d %s", phase, code, strings.TrimSpace(hit+" "+condition))
	if err := k.report(late, p, phase, code, reason, condition); err != nil && ctx.Err() == nil {
		say("%v", err)
	}
}
