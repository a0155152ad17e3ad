"""`make demo`: the main job, played against a running `make run` the way its users and other systems would do it."""
