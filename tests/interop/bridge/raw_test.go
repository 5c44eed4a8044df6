package peers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawPeer is one end of an HTTP/2 connection that sends exactly the frames that a test wants. It answers SETTINGS and
// PING, keeps both sides' windows, and leaves the rest to the test.
type rawPeer struct {
	connection net.Conn
	framer     *http2.Framer

	// write guards the framer's writing side and the encoder.
	write   sync.Mutex
	encoder *hpack.Encoder
	block   bytes.Buffer

	// mu guards the rest; changed is signalled with every frame.
	mu      sync.Mutex
	changed *sync.Cond
	streams map[uint32]*rawStream
	window  int64
	initial int64
	maximum int
	// credit is how much is taken before the window is given back.
	credit uint32
	// owed is the connection's window for what was taken of any stream.
	owed uint32
	next uint32
	// acknowledged counts the acknowledgements of our SETTINGS.
	acknowledged int
	goAway       *http2.GoAwayFrame
	ended        error
	// newest is the last stream that the other side has opened. After `retire` there are no others.
	newest  uint32
	retired bool
	// serve is called with every stream that the other side opens.
	serve func(*rawStream)
}

// rawStream is one call, as far as it has come.
type rawStream struct {
	peer   *rawPeer
	id     uint32
	window int64
	// blocks are the header lists received: informational ones, headers, trailers.
	blocks [][]hpack.HeaderField
	// data is what was received and not yet taken; owed is the window for what was taken.
	data bytes.Buffer
	owed uint32
	// frames counts DATA frames received.
	frames int
	ended  bool
	reset  *http2.ErrCode
}

const (
	// lifetime is that of a connection: nothing that waits for one waits longer.
	lifetime = limit
	// credit is how much is taken before the window is given back, unless the window is smaller.
	credit = 16 << 10
)

// newRaw begins HTTP/2 on a connection; `serve` makes it a server.
func newRaw(connection net.Conn, serve func(*rawStream), settings ...http2.Setting) (*rawPeer, error) {
	reader := bufio.NewReader(connection)
	p := &rawPeer{
		connection: connection, framer: http2.NewFramer(connection, reader), serve: serve,
		streams: map[uint32]*rawStream{}, window: 65535, initial: 65535, maximum: 16384, next: 1, credit: credit,
	}
	for _, setting := range settings {
		if setting.ID == http2.SettingInitialWindowSize {
			p.credit = min(credit, setting.Val)
		}
	}
	p.changed = sync.NewCond(&p.mu)
	p.encoder = hpack.NewEncoder(&p.block)
	p.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.framer.MaxHeaderListSize = 16 << 20
	p.framer.SetMaxReadFrameSize(1 << 20)
	p.framer.AllowIllegalWrites = true
	if err := connection.SetDeadline(time.Now().Add(lifetime)); err != nil {
		return nil, err
	}
	if err := p.preface(reader); err != nil {
		return nil, err
	}
	if err := p.frames(func(f *http2.Framer) error { return f.WriteSettings(settings...) }); err != nil {
		return nil, err
	}
	go p.read()
	return p, nil
}

func (p *rawPeer) preface(reader *bufio.Reader) error {
	if p.serve == nil {
		_, err := p.connection.Write([]byte(http2.ClientPreface))
		return err
	}
	got := make([]byte, len(http2.ClientPreface))
	for at := range got {
		octet, err := reader.ReadByte()
		if err != nil {
			return err
		}
		got[at] = octet
	}
	if string(got) != http2.ClientPreface {
		return fmt.Errorf("the client began with %q", got)
	}
	return nil
}

// frames writes frames that nothing else comes between.
func (p *rawPeer) frames(write func(*http2.Framer) error) error {
	p.write.Lock()
	defer p.write.Unlock()
	return write(p.framer)
}

// ---- what arrives

func (p *rawPeer) read() {
	for {
		frame, err := p.framer.ReadFrame()
		var ofStream http2.StreamError
		if errors.As(err, &ofStream) {
			p.locked(func() { p.end(ofStream.StreamID, ofStream.Code) })
			continue
		}
		if err != nil {
			p.locked(func() { p.ended = err })
			_ = p.connection.Close()
			return
		}
		p.take(frame)
	}
}

func (p *rawPeer) locked(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

func (p *rawPeer) take(frame http2.Frame) {
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		p.settings(frame)
	case *http2.PingFrame:
		if !frame.IsAck() {
			_ = p.frames(func(f *http2.Framer) error { return f.WritePing(true, frame.Data) })
		}
	case *http2.WindowUpdateFrame:
		p.locked(func() { p.widen(frame.StreamID, int64(frame.Increment)) })
	case *http2.MetaHeadersFrame:
		p.headers(frame)
	case *http2.DataFrame:
		p.locked(func() {
			if s := p.streams[frame.StreamID]; s != nil {
				s.data.Write(frame.Data())
				padding := frame.Length - uint32(len(frame.Data()))
				s.owed, p.owed = s.owed+padding, p.owed+padding
				s.frames++
				s.ended = s.ended || frame.StreamEnded()
			}
		})
	case *http2.RSTStreamFrame:
		p.locked(func() { p.end(frame.StreamID, frame.ErrCode) })
	case *http2.GoAwayFrame:
		p.locked(func() {
			copied := *frame
			p.goAway = &copied
		})
	}
}

func (p *rawPeer) end(id uint32, code http2.ErrCode) {
	if s := p.streams[id]; s != nil {
		s.reset = &code
	}
}

func (p *rawPeer) settings(frame *http2.SettingsFrame) {
	if frame.IsAck() {
		p.locked(func() { p.acknowledged++ })
		return
	}
	p.locked(func() {
		if value, ok := frame.Value(http2.SettingInitialWindowSize); ok {
			for _, s := range p.streams {
				s.window += int64(value) - p.initial
			}
			p.initial = int64(value)
		}
		if value, ok := frame.Value(http2.SettingMaxFrameSize); ok {
			p.maximum = int(value)
		}
	})
	_ = p.frames(func(f *http2.Framer) error {
		if value, ok := frame.Value(http2.SettingHeaderTableSize); ok {
			p.encoder.SetMaxDynamicTableSizeLimit(value)
		}
		return f.WriteSettingsAck()
	})
}

func (p *rawPeer) widen(id uint32, by int64) {
	if id == 0 {
		p.window += by
	} else if s := p.streams[id]; s != nil {
		s.window += by
	}
}

func (p *rawPeer) headers(frame *http2.MetaHeadersFrame) {
	p.mu.Lock()
	s := p.streams[frame.StreamID]
	opened := s == nil && p.serve != nil && !p.retired
	if opened {
		p.newest = frame.StreamID
		s = p.stream(frame.StreamID)
	}
	if s != nil {
		s.blocks = append(s.blocks, frame.Fields)
		s.ended = s.ended || frame.StreamEnded()
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	if opened {
		go p.serve(s)
	}
}

func (p *rawPeer) stream(id uint32) *rawStream {
	s := &rawStream{peer: p, id: id, window: p.initial}
	p.streams[id] = s
	return s
}

// retire sends GOAWAY: what has arrived is served, and nothing after it.
func (p *rawPeer) retire() {
	p.locked(func() { p.retired = true })
	_ = p.frames(func(f *http2.Framer) error { return f.WriteGoAway(p.newest, http2.ErrCodeNo, nil) })
}

// ---- what a test waits for

var errReset = errors.New("the stream was reset")

// await waits until the condition holds, which is asked with the lock held. The connection's end, and a reset, end
// it too.
func (s *rawStream) await(holds func() bool) error {
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	for !holds() {
		switch {
		case s.reset != nil:
			return fmt.Errorf("%w: %s", errReset, *s.reset)
		case s.peer.ended != nil:
			return s.peer.ended
		}
		s.peer.changed.Wait()
	}
	return nil
}

// await waits until the condition holds or the connection ends.
func (p *rawPeer) await(holds func() bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !holds() {
		if p.ended != nil {
			return p.ended
		}
		p.changed.Wait()
	}
	return nil
}

// take removes up to `most` bytes of what has arrived, waits for the first, and gives the window back. It is empty
// at the end of the stream.
func (s *rawStream) take(most int) ([]byte, error) {
	if err := s.await(func() bool { return s.data.Len() > 0 || s.ended }); err != nil {
		return nil, err
	}
	s.peer.mu.Lock()
	got := bytes.Clone(s.data.Next(most))
	s.owed += uint32(len(got))
	s.peer.owed += uint32(len(got))
	ofStream := s.peer.due(&s.owed)
	if s.ended {
		ofStream = 0
	}
	ofConnection := s.peer.due(&s.peer.owed)
	s.peer.mu.Unlock()
	return got, s.peer.giveBack(ofConnection, s.id, ofStream)
}

// due is what is owed, once it is worth a frame.
func (p *rawPeer) due(owed *uint32) uint32 {
	due := *owed
	if due < p.credit {
		return 0
	}
	*owed = 0
	return due
}

func (p *rawPeer) giveBack(ofConnection, id, ofStream uint32) error {
	if ofConnection == 0 && ofStream == 0 {
		return nil
	}
	return p.frames(func(f *http2.Framer) error {
		if ofConnection > 0 {
			if err := f.WriteWindowUpdate(0, ofConnection); err != nil {
				return err
			}
		}
		if ofStream > 0 {
			return f.WriteWindowUpdate(id, ofStream)
		}
		return nil
	})
}

// takeAll removes exactly `size` bytes; fewer are the end of the stream.
func (s *rawStream) takeAll(size int) ([]byte, error) {
	var got []byte
	for len(got) < size {
		part, err := s.take(size - len(got))
		if err != nil || len(part) == 0 {
			return got, err
		}
		got = append(got, part...)
	}
	return got, nil
}

// discard takes what still comes, so that the window of the connection does not end with a stream.
func (s *rawStream) discard() {
	for {
		if got, err := s.take(credit); err != nil || len(got) == 0 {
			break
		}
	}
	s.peer.mu.Lock()
	s.peer.owed += uint32(s.data.Len())
	s.data.Reset()
	ofConnection := s.peer.due(&s.peer.owed)
	s.peer.mu.Unlock()
	_ = s.peer.giveBack(ofConnection, 0, 0)
}
