"""Tests in which many do the same at the same moment."""
