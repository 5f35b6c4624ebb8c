"""What a program costs without running it, and the least that any program for a
problem can cost.
"""
