// Package stage is for work that can be stopped at any moment and taken up again: by the same command, on another
// day, in parts, by several processes. It knows nothing of images and networks.
//
// The laws:
//
//	Same key, same bytes.   A key names all that the bytes of a file depend on. What is found under its key is kept.
//	Nothing half there.     A file appears when it is complete, in place of the one before.
//	One writer.             Two processes never have the same part of a folder. A lock goes with its owner.
//
//	behind.go        EndOf: the error of work with more work behind it
//	difference.go    Difference: which setting of two is not the same
//	event.go         Event and Progress: what a stage tells of itself
//	found.go         Look: what is at the place of something, finished under its key or not
//	key.go           Key: the name of all that something is made of
//	lock.go          Lock: who may write to a folder, or to a part of it
//	settings.go      LockSettings: what a folder is made with, and that it is no other run's
//	shard.go         Shard: a part of the work, and what belongs to it
//	version.go       Version of the program
//	stage/atomicfile where the files are: put whole, read, list, exists; and locks on them
//	stage/seal       a checksum of a file within the file
//	stage/lease      pieces of the work for workers that come and go
//	stage/checkpoint the state of a training, which continues from there
//
// All that a run keeps goes through the few verbs of stage/atomicfile, which take paths on disk and, by package store,
// in buckets of object stores.
package stage
