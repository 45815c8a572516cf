"""What fans express, checked and typed: pure code, time is an argument."""
