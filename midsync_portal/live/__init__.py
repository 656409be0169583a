"""The way out to the browser: who watches which rows, and how they hear of a change.

A change of a task wakes the hub of every process (`wakeups`); the hub reads the rows again that
somebody there watches (`audience`), renders each once (`rendering`) and gives the same bytes to
all who watch (`subscriber`); `stream` is the door. What MidSync reports brings its row along
(`carrying`), which a hub passes on where it cannot know a newer one (`versions`). What arrives is
always the row as it is now, never a difference, so that nothing is lost where a wake-up, a message
or a connection is.
"""
