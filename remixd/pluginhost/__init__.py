"""The plug-in host: a process that runs third-party plug-ins, so that what they do reaches nobody else."""
