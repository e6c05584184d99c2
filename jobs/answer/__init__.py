"""What people read from us: values in, Markdown out. Pure."""
