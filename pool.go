package ndrscan

import (
	"context"
	"iter"
)

// inOrder applies work to what the sequence yields, with so many workers at a time, and yields the results in order. At
// most twice as many items as workers are under way, so that memory is bounded however slow the consumer is. It ends
// early when the context does.
func inOrder[T, R any](ctx context.Context, in iter.Seq[T], workers int, work func(context.Context, T) R) iter.Seq[R] {
	return func(yield func(R) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		queue := make(chan chan R, workers)
		go feed(ctx, in, workers, queue, work)
		for slot := range queue {
			if !yield(<-slot) {
				cancel()
				for range queue { // let the feeder end
				}
				return
			}
		}
	}
}

// feed starts a worker for each item and puts the place of its result into the queue.
func feed[T, R any](ctx context.Context, in iter.Seq[T], workers int, queue chan<- chan R, work func(context.Context, T) R) {
	defer close(queue)
	free := make(chan struct{}, workers)
	for item := range in {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		slot := make(chan R, 1)
		go func() {
			slot <- work(ctx, item)
			<-free
		}()
		select {
		case queue <- slot:
		case <-ctx.Done():
			return
		}
	}
}
