"""Playing beats: feel for stiff hits, the feel of one performance for the hits of another, a beat for any rhythm."""
