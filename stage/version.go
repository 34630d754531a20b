package stage

// Version is that of the program, kept in every record of a run.
const Version = "0.1.0"
