"""Four eyes over exact bytes: an approval is a signature by an approver's own key, and one changed bit voids it."""
