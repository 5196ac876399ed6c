"""Flows as data: a checker, a drawing, and a step function without audio or legs."""
