package projections

import "missioncontrol/eventstore"

// Indexes are the read models that are filled behind the log. Their queries
// wait until what the caller can know of is in them (Indexer.Reach).
func Indexes() []eventstore.Index {
	return []eventstore.Index{eventstore.Refs(), activityIndex(), metricsIndex()}
}
