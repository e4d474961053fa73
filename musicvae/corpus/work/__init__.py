"""The work of reading many files: units of work, the child process that reads, and the engines that hand out the work."""
