package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/distill"
	"mgd3/internal/fixtures/browser"
	"mgd3/internal/fixtures/tinyrun"
)

// editor is a server of a tiny run that can make images again, and how often it opened the networks.
func editor(t *testing.T, addr string) (s *Server, r *distill.Run, opened *int) {
	t.Helper()
	r, opened = tinyrun.Make(t), new(int)
	s = open(t, Options{Dir: r.Out, Addr: addr, Edit: true, Real: r.Data,
		Open: func(context.Context) (*distill.Run, func(), error) { *opened++; return r, func() {}, nil }})
	return s, r, opened
}

// TestAgain: an image that is made again has the bytes that a run with these settings writes; the networks are opened
// once, with the first; what replaces an image is in the new set.
func TestAgain(t *testing.T) {
	s, r, opened := editor(t, addr)
	if *opened != 0 {
		t.Error("the networks were opened before they are needed")
	}
	ended := func(id int) *Job { // the state may be of the job before it for a moment
		return follow(t, s, func(st State) bool { return st.Job != nil && st.Job.ID == id && st.Job.Ended }).Job
	}
	other := *r
	other.Out = t.TempDir()
	other.Settings.Sample.Lambda, other.Settings.Sample.Stop, other.Settings.Sample.Seed = 0.3, 0, 9
	m, err := other.Do(t.Context())
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	want := m.Classes[1].Images[2]
	body := map[string]any{"image": 3, "mode": 2, "lambda": "0.3", "stop": "0", "seed": 9}
	if code, a := post(s, "/again", body); code != http.StatusAccepted {
		t.Fatal(code, a)
	}
	job := ended(1)
	if job.Made == nil || job.Made.Entry != want || job.Step != 3 || job.Previews != 3 {
		t.Fatalf("got %+v, %+v, want %+v", job, job.Made, want)
	}
	data, err := os.ReadFile(filepath.Join(other.Out, want.File))
	w := ask(s, nil, "/candidate/"+job.Made.ID)
	if err != nil || !bytes.Equal(data, w.Body.Bytes()) {
		t.Errorf("the image differs from that of a run: %v", err)
	}
	if w := ask(s, nil, "/preview/2"); w.Code != http.StatusOK || !bytes.HasPrefix(w.Body.Bytes(), []byte("\x89PNG")) {
		t.Errorf("the image on its way: got %d and %.10q", w.Code, w.Body)
	}
	for name, body := range map[string]map[string]any{"lambda": {"image": 0, "lambda": "NaN"},
		"auto": {"image": 0, "lambda": "auto"}, "rule": {"image": 0, "rule": "x"}, "stop": {"image": 0, "stop": "1.5"},
		"infinite": {"image": 0, "lambda": "1e999"}} {
		if code, a := post(s, "/again", body); code != http.StatusBadRequest || a["error"] == "" {
			t.Errorf("%s: got %d, %v", name, code, a)
		}
	}
	if code, a := post(s, "/again", map[string]any{"image": 0, "mode": 7}); code != http.StatusAccepted {
		t.Errorf("no such mode: got %d, %v", code, a)
	}
	if job := ended(2); job.Made != nil || !strings.Contains(job.Error, "mode") {
		t.Errorf("no such mode: got %+v", job)
	}
	if *opened != 1 {
		t.Errorf("the networks were opened %d times", *opened)
	}
	if code, a := post(s, "/decide", map[string]any{"image": 3, "verdict": "replace", "candidate": job.Made.ID,
		"reason": "dull"}); code != http.StatusOK {
		t.Fatal(code, a)
	}
	code, a := post(s, "/set", map[string]string{"name": "new"})
	if code != http.StatusOK {
		t.Fatal(code, a)
	}
	out := filepath.Join(filepath.Dir(r.Out), "new")
	now, err := distill.ReadManifest(out)
	if err != nil || now.Classes[1].Images[0].SHA256 != want.SHA256 {
		t.Errorf("the new set: %+v, %v", now, err)
	}
	if faults, _, err := distill.Verify(t.Context(), out); len(faults) > 0 || err != nil {
		t.Errorf("verify: %q, %v", faults, err)
	}
	var near []neighbour
	if err := json.Unmarshal(ask(s, nil, "/neighbours/3").Body.Bytes(), &near); err != nil || len(near) != few {
		t.Fatalf("the neighbours are %+v, %v", near, err)
	}
	ref := s.realRefs().refs[near[0].Real]
	if file := ask(s, nil, "/real/0"); ref.Name != now.Classes[1].Images[0].Nearest && near[0].Name != ref.Name ||
		file.Header().Get("Content-Type") != "image/png" {
		t.Errorf("the nearest real image is %+v, %v", near[0], ref)
	}
}

// TestAgainOfPool: an image that was chosen among several, made again as it was, has its bytes: it is drawn alone, by
// the seed that was kept.
func TestAgainOfPool(t *testing.T) {
	r := tinyrun.Make(t)
	r.Latents, r.Out = distill.LatentsDir(r.Out), t.TempDir()
	r.Settings.Sample.PoolOf, r.Settings.Sample.Choose = 3, distill.ChooseNearest
	m, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: r.Out, Addr: addr, Edit: true, Real: r.Data,
		Open: func(context.Context) (*distill.Run, func(), error) { return r, func() {}, nil }})
	at := 0
	for _, class := range m.Classes {
		for _, want := range class.Images {
			if code, a := post(s, "/again", map[string]any{"image": at}); code != http.StatusAccepted {
				t.Fatal(code, a)
			}
			at++
			job := follow(t, s, func(st State) bool { return st.Job != nil && st.Job.ID == at && st.Job.Ended }).Job
			if job.Made == nil || job.Made.Entry != want {
				t.Errorf("got %+v, %+v, want %+v", job, job.Made, want)
			}
		}
	}
}

// TestOneJob: while an image is made no other is begun; it can be cancelled, also by closing, and its failure ends
// nothing else.
func TestOneJob(t *testing.T) {
	r := tinyrun.Make(t)
	waits, failing := make(chan struct{}), false
	s := open(t, Options{Dir: r.Out, Edit: true, Open: func(ctx context.Context) (*distill.Run, func(), error) {
		if failing {
			panic("no such device")
		}
		close(waits)
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}})
	if code, a := post(s, "/again", map[string]any{"image": 0}); code != http.StatusAccepted || a["id"] != 1.0 {
		t.Fatal(code, a)
	}
	<-waits
	if code, a := post(s, "/again", map[string]any{"image": 1}); code != http.StatusConflict {
		t.Errorf("a second one: got %d, %v", code, a)
	}
	post(s, "/cancel", map[string]any{"job": 7})
	if s.jobs.now().Ended {
		t.Error("another job's cancel ended it")
	}
	post(s, "/cancel", map[string]any{"job": 1})
	if st := follow(t, s, func(st State) bool { return st.Job != nil && st.Job.Ended }); st.Job.Error != "cancelled" {
		t.Errorf("got %+v", st.Job)
	}
	failing = true
	if code, _ := post(s, "/again", map[string]any{"image": 1}); code != http.StatusAccepted {
		t.Errorf("after it: got %d", code)
	}
	st := follow(t, s, func(st State) bool { return st.Job.Ended && st.Job.ID == 2 })
	if !strings.Contains(st.Job.Error, "no such device") {
		t.Errorf("got %+v", st.Job)
	}
	failing, waits = false, make(chan struct{})
	if code, _ := post(s, "/again", map[string]any{"image": 1}); code != http.StatusAccepted {
		t.Errorf("after a failure: got %d", code)
	}
	s.Close()
	if !s.jobs.now().Ended {
		t.Error("closed, and still at work")
	}
	if code, _ := post(s, "/again", map[string]any{"image": 1}); code != http.StatusConflict {
		t.Errorf("closed: got %d", code)
	}
}

// TestEditInBrowser keeps, rejects, makes again and replaces by clicking, with a second page that sees it, and writes
// the new set.
func TestEditInBrowser(t *testing.T) {
	if os.Getenv(browser.Env) == "" {
		t.Skipf("%s is not set: .ci/chromium fetches a browser", browser.Env)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, r, _ := editor(t, l.Addr().String())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Serve(ctx, l) //nolint:errcheck // ends with the test
	p := browser.Open(t, s.URL(), 1200, 900)
	p.Until("document.querySelectorAll('#all figure').length === 9")
	press := func(verdict string) { p.Click("document.querySelector('#decide [value=" + verdict + "]')") }
	p.Click("document.querySelector('#all figure[data-n=\"1\"]')")
	p.Until("!document.querySelector('#decide').hidden && document.querySelectorAll('#near img').length === 3")
	p.Text("document.querySelector('#reason').value = 'two heads'")
	press("reject")
	p.Until("document.querySelector('#all figure[data-n=\"1\"]').className === 'reject'")
	p.Press("j") // the next one
	p.Until("document.querySelector('#old').src.endsWith('/2')")
	p.Press("y")
	p.Until("document.querySelector('#all figure[data-n=\"2\"]').className === 'keep'")
	p.Press("j")
	p.Until("document.querySelector('#old').src.endsWith('/3')")
	p.Text("document.querySelector('#again').elements.lambda.value = '0.4'")
	p.Click("document.querySelector('#again [type=submit]')")
	p.Until("document.querySelector('#said').textContent === 'made' && " +
		"document.querySelector('#new').src.includes('candidate/') && document.querySelector('#new').naturalWidth > 0")
	p.Text("(e => { e.value = 0; e.dispatchEvent(new Event('input')); })(document.querySelector('#time'))")
	p.Until("document.querySelector('#new').src.includes('preview/0') && " +
		"document.querySelector('#new').naturalWidth > 0")
	press("replace")
	p.Until("document.querySelector('#all figure[data-n=\"3\"]').className === 'replace'")
	p.Screenshot("edit")
	// somebody else decides: this page sees it
	if code, a := post(s, "/decide", map[string]any{"image": 5, "verdict": "reject", "reason": "dark"}); code != 200 {
		t.Fatal(code, a)
	}
	p.Until("document.querySelector('#all figure[data-n=\"5\"]').className === 'reject'")
	p.Text("(e => { e.value = 'verdict=reject'; e.dispatchEvent(new Event('input')); })" +
		"(document.querySelector('#where'))")
	p.Is("location.search === '?where=verdict%3Dreject' && document.querySelectorAll('#all figure').length === 2")
	p.Text("document.querySelector('#name').value = 'new'")
	p.Click("document.querySelector('#save button')")
	p.Until("document.querySelector('#saved').textContent.startsWith('written: ')")
	p.Quiet("http://" + s.Addr + "/")
	m, err := distill.ReadManifest(filepath.Join(filepath.Dir(r.Out), "new"))
	if err != nil || m.Reviewed.Kept != 1 || m.Reviewed.Replaced != 1 || len(m.Reviewed.Rejected) != 2 ||
		m.Classes[1].Images[0].Review.Again.Settings.Lambda != 0.4 {
		t.Errorf("the new set: %+v, %v", m, err)
	}
}
