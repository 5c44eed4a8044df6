package peers

import (
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// What a raw peer sends.

func fields(pairs ...string) []hpack.HeaderField {
	var made []hpack.HeaderField
	for i := 0; i < len(pairs); i += 2 {
		made = append(made, hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return made
}

// encoded is a header block. The caller holds `write`.
func (p *rawPeer) encoded(list []hpack.HeaderField) []byte {
	p.block.Reset()
	for _, field := range list {
		// Writing to a buffer does not fail.
		_ = p.encoder.WriteField(field)
	}
	return p.block.Bytes()
}

// sendHeaders sends a header list in frames of at most `size` bytes.
func (s *rawStream) sendHeaders(list []hpack.HeaderField, end bool, size int) error {
	return s.peer.frames(func(f *http2.Framer) error {
		return s.peer.writeBlock(f, s.id, s.peer.encoded(list), end, size)
	})
}

func (p *rawPeer) writeBlock(f *http2.Framer, id uint32, block []byte, end bool, size int) error {
	first := block[:min(size, len(block))]
	block = block[len(first):]
	err := f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: first, EndStream: end, EndHeaders: len(block) == 0,
	})
	for err == nil && len(block) > 0 {
		part := block[:min(size, len(block))]
		block = block[len(part):]
		err = f.WriteContinuation(id, len(block) == 0, part)
	}
	return err
}

// sendData sends one DATA frame for every `size` bytes, as the windows allow. Nothing at all is one empty frame.
func (s *rawStream) sendData(data []byte, end bool, size int) error {
	for {
		part := min(len(data), size)
		if part > 0 {
			granted, err := s.reserve(part)
			if err != nil {
				return err
			}
			part = granted
		}
		last := part == len(data)
		err := s.peer.frames(func(f *http2.Framer) error { return f.WriteData(s.id, end && last, data[:part]) })
		if err != nil || last {
			return err
		}
		data = data[part:]
	}
}

// reserve waits for the windows and takes up to `wanted` bytes from them.
func (s *rawStream) reserve(wanted int) (int, error) {
	granted := 0
	err := s.await(func() bool {
		p := s.peer
		granted = int(min(int64(wanted), int64(p.maximum), p.window, s.window))
		if granted <= 0 {
			return false
		}
		p.window -= int64(granted)
		s.window -= int64(granted)
		return true
	})
	return granted, err
}
