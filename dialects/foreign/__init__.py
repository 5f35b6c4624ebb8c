"""What tensor operations of other dialects mean, found by their names.

No package of another dialect is needed: operations are read in generic form, registered or not.
`graph` has the few neutral operations that all of them come down to, and their values in numpy; a
file for each dialect says what its operations are in these. What is not known is a leaf.
"""
