package dev.tidings;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongUnaryOperator;

/**
 * A file of a log: a header, and entries: events with consecutive numbers, and between them the epochs that began while
 * the file was the newest one. Its places and times are in memory (24 bytes for each event), its events are not.
 *
 * <p>The header consists of the text {@code TIDINGS1}, a CRC-32C of all that follows, its length, the number of the
 * event before the first one, the number of epochs, and for each epoch its word and the number of the event before it.
 * The last of these epochs is that of the first entries. The header, and each entry that names an epoch, was forced
 * before the event behind it was written, so a word is never forgotten.
 *
 * <p>One thread at a time appends; any thread can read.
 */
final class Segment {
  private static final byte[] MAGIC = "TIDINGS1".getBytes(US_ASCII);
  private static final int WORD_BYTES = LogEpochs.WORD_LENGTH;

  /** The size of an epoch in the header. */
  static final int EPOCH_SIZE = WORD_BYTES + 8;

  private static final int MOST_READ = 256 * 1024; // bytes in one read, but at least one event

  /** Thrown if an entry in the middle of a file is damaged. */
  static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1;

    /** The number of the event. */
    private final long number;

    DamagedException(long number) {
      super("event " + number + " is damaged", null, false, false);
      this.number = number;
    }

    long number() {
      return number;
    }
  }

  private final Path path;
  private final int named; // the number of epochs in the header
  private final long before; // the number of the event before the first
  private final long start; // the length of the header

  private volatile LogEpochs epochs; // in the header and in entries; those of an event are set before count
  private long end; // the length of the header and all entries; only for the thread that appends
  private volatile int count; // set last by the thread that appends
  private long[] ends = new long[16]; // places in the file after each entry; read after count
  private long[] times = new long[16]; // milliseconds since 1970; read after count
  private long[] appended = new long[16]; // nanoseconds of the monotonic clock of this process; read after count

  private final NavigableMap<Long, String> keys = new TreeMap<>(); // by number; only for the thread that opens the log

  private final ReentrantLock lock = new ReentrantLock(); // for the fields below; held during reads of the file
  private RandomAccessFile file; // null until the first read
  private boolean closed;

  private Segment(Path path, LogEpochs epochs, long before, long start) {
    this.path = path;
    this.epochs = epochs;
    this.named = epochs.all().size();
    this.before = before;
    this.start = start;
    this.end = start;
  }

  // Writing.

  /** Creates a segment for a file that has only this header. */
  static Segment created(Path path, LogEpochs epochs, long before) {
    return new Segment(path, epochs, before, header(epochs, before).length);
  }

  static byte[] header(LogEpochs epochs, long before) {
    int length = 8 + 4 + epochs.all().size() * EPOCH_SIZE;
    var header = ByteBuffer.allocate(MAGIC.length + 8 + length);
    header.put(MAGIC).putInt(0).putInt(length).putLong(before).putInt(epochs.all().size());
    epochs.all().forEach(epoch -> header.put(epoch.word().getBytes(US_ASCII)).putLong(epoch.after()));
    return header.putInt(MAGIC.length, StoredEvent.crc(header.array(), MAGIC.length + 4, header.capacity())).array();
  }

  /** Adds an epoch whose entry has been written. */
  void add(LogEpochs.Epoch epoch) {
    epochs = epochs.with(epoch);
    end += StoredEvent.EPOCH_SIZE;
  }

  /** Adds an event that has been written. */
  void add(int length, long time, long nanos) {
    int index = count;
    if (index == ends.length) {
      ends = Arrays.copyOf(ends, index * 2);
      times = Arrays.copyOf(times, index * 2);
      appended = Arrays.copyOf(appended, index * 2);
    }
    end += length;
    ends[index] = end;
    times[index] = time;
    appended[index] = nanos;
    count = index + 1;
  }

  /** Forgets the events after this one, which no reader has seen. */
  void clip(long last) {
    keys.tailMap(last, false).clear();
    count = Math.clamp(last - before, 0, count);
  }

  // Contents.

  Path path() {
    return path;
  }

  LogEpochs epochs() {
    return epochs;
  }

  /** Returns the number of the event before the first. */
  long before() {
    return before;
  }

  /** Returns the number of the last event, or that before the first. */
  long last() {
    return before + count;
  }

  int count() {
    return count;
  }

  /** Returns the length of the header. */
  long start() {
    return start;
  }

  /** Returns the length of the header and all entries. */
  long end() {
    return end;
  }

  /** Returns the size of all events. */
  long size() {
    return offset(last() + 1) - start;
  }

  long time(long number) {
    int held = count; // orders the reads
    return number > before + held ? Long.MAX_VALUE : times[(int) (number - before) - 1];
  }

  long appended(long number) {
    int held = count; // orders the reads
    return number > before + held ? Long.MAX_VALUE : appended[(int) (number - before) - 1];
  }

  /** Returns the size of an event, with the entries that name its epoch and those before it without events. */
  long size(long number) {
    return offset(number + 1) - offset(number);
  }

  /** Returns the place in the file after the event before this one. */
  private long offset(long number) {
    int index = (int) (number - before) - 1;
    int held = count; // orders the reads
    return index == 0 || held == 0 ? start : ends[index - 1];
  }

  /** Returns the size of the entries between this event and the one before it. */
  private long between(long number) {
    var known = epochs;
    int index = known.index(number);
    int begun = index;
    while (begun >= named && known.all().get(begun).after() == number - 1) {
      begun--;
    }
    return (long) (index - begun) * StoredEvent.EPOCH_SIZE;
  }

  // Reading.

  /**
   * Reads events with their ids.
   *
   * @param first the number of the first event, which must be in this segment
   * @param most the largest number of events
   */
  List<Event> read(long first, int most) throws IOException, DamagedException {
    long after = Math.min(last(), first + most - 1) + 1; // the number after the last event to be read
    long from = offset(first);
    while (after > first + 1 && offset(after) - from > MOST_READ) {
      after = first + Math.max(1, (after - first) / 2);
    }
    byte[] bytes = new byte[Math.toIntExact(offset(after) - from)];
    read(from, bytes);
    var events = new ArrayList<Event>();
    for (long number = first; number < after; number++) {
      var entry = ByteBuffer.wrap(bytes);
      entry.limit((int) (offset(number + 1) - from)).position((int) (offset(number) + between(number) - from));
      if (!StoredEvent.isEntry(entry, number)) {
        throw new DamagedException(number);
      }
      events.add(StoredEvent.decode(entry).event().withId(epochs.id(number)));
    }
    return events;
  }

  private void read(long from, byte[] bytes) throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw new IOException(path + " is closed");
      }
      if (file == null) {
        file = new RandomAccessFile(path.toFile(), "r");
      }
      file.seek(from);
      file.readFully(bytes);
    } finally {
      lock.unlock();
    }
  }

  /** Ends all reading. */
  void close() {
    lock.lock();
    try {
      closed = true;
      if (file != null) {
        file.close();
      }
    } catch (IOException e) {
      // It was only read.
    } finally {
      lock.unlock();
    }
  }

  // Opening.

  /**
   * Reads a file up to its first entry that is incomplete or damaged.
   *
   * @return the segment; empty if the header is incomplete or damaged
   * @throws IOException if the file cannot be read, or was written by a later version of the library
   */
  static Optional<Segment> scan(Path path) throws IOException {
    long size = Files.size(path);
    try (var in = new DataInputStream(new BufferedInputStream(new FileInputStream(path.toFile()), 64 * 1024))) {
      var segment = readHeader(path, in, size);
      if (segment.isPresent()) {
        segment.get().readEntries(in, size);
      }
      return segment;
    } catch (EOFException e) {
      throw new IOException(path + " became shorter while it was read", e);
    }
  }

  private static Optional<Segment> readHeader(Path path, DataInputStream in, long size) throws IOException {
    int fixed = MAGIC.length + 8 + 12;
    if (size < fixed + EPOCH_SIZE) {
      return Optional.empty();
    }
    byte[] magic = in.readNBytes(MAGIC.length);
    int version = MAGIC.length - 1;
    boolean ours = Arrays.equals(magic, 0, version, MAGIC, 0, version);
    if (ours && magic[version] > MAGIC[version] && magic[version] <= '9') {
      throw new IOException(path + " was written by a later version of the library: " + new String(magic, US_ASCII));
    }
    int crc = in.readInt();
    int length = in.readInt();
    if (!Arrays.equals(magic, MAGIC) || length < 12 + EPOCH_SIZE || length > size - MAGIC.length - 8) {
      return Optional.empty();
    }
    var header = ByteBuffer.allocate(4 + length).putInt(length).put(in.readNBytes(length));
    if (crc != StoredEvent.crc(header.array(), 0, header.capacity())) {
      return Optional.empty();
    }
    long before = header.position(4).getLong();
    var epochs = new ArrayList<LogEpochs.Epoch>();
    for (int i = header.getInt(); i > 0; i--) {
      byte[] word = new byte[WORD_BYTES];
      header.get(word);
      epochs.add(new LogEpochs.Epoch(new String(word, US_ASCII), header.getLong()));
    }
    return Optional.of(new Segment(path, new LogEpochs(epochs, false), before, MAGIC.length + 4L + header.capacity()));
  }

  private void readEntries(DataInputStream in, long size) throws IOException {
    var known = new ArrayList<>(epochs.all());
    while (readEntry(in, size, known)) {}
    epochs = new LogEpochs(known, false);
  }

  /** Reads and adds an entry; returns false if it is incomplete or damaged, or if there is none. */
  private boolean readEntry(DataInputStream in, long size, List<LogEpochs.Epoch> known) throws IOException {
    if (size - end <= StoredEvent.HEAD) {
      return false;
    }
    int crc = in.readInt();
    int length = in.readInt();
    if (length < StoredEvent.SHORTEST || length > size - end - 8) {
      return false;
    }
    var entry = ByteBuffer.allocate(8 + length).putInt(crc).putInt(length).put(in.readNBytes(length)).flip();
    var epoch = StoredEvent.epoch(entry, last());
    if (epoch.isPresent() && epoch.get().birth() > known.getLast().birth()) {
      known.add(epoch.get());
      end += StoredEvent.EPOCH_SIZE;
      return true;
    }
    long number = last() + 1;
    if (!StoredEvent.isEntry(entry, number)) {
      return false;
    }
    StoredEvent.decode(entry).key().ifPresent(key -> keys.put(number, key));
    add(8 + length, StoredEvent.time(entry), 0);
    return true;
  }

  /** Sets when the events of an earlier process were appended, by the monotonic clock of this one. */
  void setAppended(LongUnaryOperator nanos) {
    for (int i = 0; i < count; i++) {
      appended[i] = nanos.applyAsLong(times[i]);
    }
  }

  /** Returns the keys in a file that was scanned, by the numbers of their events, and forgets them. */
  NavigableMap<Long, String> takeKeys() {
    var taken = new TreeMap<>(keys);
    keys.clear();
    return taken;
  }
}
