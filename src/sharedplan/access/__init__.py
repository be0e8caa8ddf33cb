"""Who asks, and which slice of the resources they may have; changes no resource."""
