"""HBM transfers: which lines they touch, what they convert, and how long they take."""
