"""What networks answer to ten thousand digits, which takes seconds to find out: a process of its own reads
them, and files keep the answers."""
