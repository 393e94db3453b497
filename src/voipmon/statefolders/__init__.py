"""Files that are in exactly one of several folders at every moment, each its own lock.

The folder a file is in is its state. Two rules keep any number of processes apart, and both kinds of lock die with the
process that has them: no time-outs, no markers, no registry.

- A file belongs to whoever holds the `flock` on its inode; the lock travels with it from folder to folder.
- Names change only under the `flock` on `.tmp/`, for as long as that takes.

Beside the folders stands only `.tmp/`. The steps, and what a crash at each leaves: docs/queue.md.
"""
