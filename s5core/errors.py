"""The one kind of error that a user is shown."""


class UserError(Exception):
    """What the user can mend; the message is one sentence that says what is wrong and what
    to do. The command line and the pages show it as it is; anything else is a bug."""
