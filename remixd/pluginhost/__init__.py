"""The plug-in host: a process that runs third-party plug-ins, so that what they do to it reaches nobody else."""
