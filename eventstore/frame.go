package eventstore

import (
	"time"

	"github.com/google/uuid"
)

// Frame is what one event shows on one stream: a message as of its event,
// stored in the same transaction. An event gives at most one frame to a topic,
// so (Topic, Seq) is its key and Seq resumes a reader exactly.
type Frame struct {
	Topic    string            // the stream that shows it, such as "board/<id>/tasks"
	Seq      int64             // position of its event
	Recorded time.Time         // when its event was recorded
	About    uuid.UUID         // id of the thing shown
	Attrs    map[string]string // what filters ask, such as is_chat; nil for none
	Payload  []byte            // one line of JSON
}
