"""GitHub's JSON shapes, made from the records: values in, values out."""
