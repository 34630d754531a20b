// Package store reads and writes what is at a path: a file on disk, or an object in a bucket of an object store.
//
//	s3://BUCKET/PATH  gs://BUCKET/PATH  azblob://CONTAINER/PATH     in a bucket
//	file:///PATH                                                    a path on disk
//
// [Parse] makes a path of an address: s3:/BUCKET/PATH. Such a path can be joined and taken apart by path/filepath as
// those of the disk, and the functions here take either. A path is one of a bucket only after Parse had an address in
// that bucket: a folder called s3: stays what it is. [Shown] gives the address again, for people.
//
// An object is complete or not there, and is never changed: a put replaces it. So [Put] in a bucket is what writing,
// syncing and renaming is on disk. What is put lies in memory first, or beyond 4 MiB in a file without a name in the
// folder for temporary files, which goes with the process.
//
//	url.go      Parse, Is, Shown: addresses, without credentials
//	errors.go   what may go wrong, in a line
//	retry.go    what is tried again, and for how long
//	info.go     Stat, ReadDir, List
//	read.go     Open, Read: whole, and by ranges through a cache of blocks (cache.go)
//	put.go      Put, PutNew, Remove
//	grow.go     Growing: a file to which is added, in a bucket as parts
//	lock.go     Lock: one writer at a time; stores have no locks of their own
//
// The clients of the stores are in store/clouds, which a program imports to have them.
package store
