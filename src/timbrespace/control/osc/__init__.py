"""Control by Open Sound Control: packets, what their addresses mean, the thread that listens, meters that answer."""
