"""Turns the declarations in kernels/ into C tables, functions and device text. Build time only: text in, text out."""
