error("this preset has no program yet")
