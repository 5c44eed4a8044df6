//! Fixtures of the tests: runs of the built binary, certificates with defects, servers with manners.
