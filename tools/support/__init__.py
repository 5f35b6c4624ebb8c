"""What the commands share: errors and files, arrays, progress, the subject of a comparison."""
