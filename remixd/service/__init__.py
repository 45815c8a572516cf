"""What a service manager needs to run the daemon: files, no code."""
