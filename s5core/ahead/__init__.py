"""What a server wants to know of a network and takes seconds to find out: a process of its own reads the
digits, and what it finds is kept in files."""
