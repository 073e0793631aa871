"""Phones that fetch their settings from us: one file for each, made from a template."""
