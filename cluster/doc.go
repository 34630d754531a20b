// Package cluster describes a run to the schedulers that people have: as dependent array jobs to Slurm, as Indexed
// Jobs to Kubernetes. It has no queue and no daemon of its own. A task is one mgd3 command with a shard; whatever
// stops it, the same command again goes on, so a task may be killed, repeated and done twice at any time.
//
//	encode[i] ──▶ modes[i] ──▶ sample[i] ──▶ merge ──▶ evaluate[j] ──▶ scores
//	         corr         corr           all       all             all
//
//	environment.go   Shard: which part of the work a process has, by the variables of whoever started it
//	request.go       Request: a run as it was asked for by flags: the command lines of its stages
//	times.go         how long an image takes, where nobody said it
//	plan.go          Stage: what is run as how many tasks, after what; how many tasks a run is cut into
//	missing.go       which tasks of a stage have yet to be done, by the files of the run
//	record.go        Record: what a task is doing, as a file
//	task.go          Task: runs one command, keeps its record, and says whether another try may help
//	requeue.go       a task that goes back into Slurm's queue
//	retry.go         which exit codes never heal
//	batch.go         Batch: tasks of a stage that wait for the same, and so are one submission
//	script.go        the script of a batch for sbatch
//	slurm.go         Slurm: submission, what is queued, cancel
//	kubernetes.go    the Jobs as YAML
//	kubectl.go       Kubernetes.Apply: one Job after the other
//	status.go        Status: how a run goes on, from its files alone
//
//	OUT/cluster/run.json          what was submitted: the stages, their commands, the jobs
//	OUT/cluster/STAGE/0003.json   the record of a task
//	OUT/cluster/STAGE/0003.log    what it printed, under Slurm
//	OUT/cluster/STAGE-NAME.sh     the scripts that were submitted
package cluster
