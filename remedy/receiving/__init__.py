"""The receiver as one process, and as several behind one port with a process above them."""
