"""Registers: live ranges, webs, allocation, spilling, and a checker that shares nothing
with them.
"""
