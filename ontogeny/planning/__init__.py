"""What a run of the workflow will do: configuration, paths, resources, and what a study is."""
