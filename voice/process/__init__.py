"""What a process needs to stay alive, to tell how it is, and to end: threads, memory, vitals."""
