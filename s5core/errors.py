"""The errors that a user is shown."""


class UserError(Exception):
    """Something that the user can put right. The message is one sentence: what is wrong, and what to do.

    The command line and the pages show the message as it is. An error of any other class is a bug."""
