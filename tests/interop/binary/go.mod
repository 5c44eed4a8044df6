module egext.dev/binary

go 1.26.6
