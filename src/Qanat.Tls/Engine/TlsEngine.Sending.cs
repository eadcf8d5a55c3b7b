using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Engine;

internal abstract partial class TlsEngine
{
    // Covers everything below: keys and order of what is sent.
    private readonly Lock _sending = new();
    private readonly OutputBuffer _output = new();
    private readonly Queue<Deferred> _deferred = new();
    private RecordProtection? _write;
    private TlsWriter? _flight;
    private bool _isClosed;
    private bool _isDisposed;

    // Read without the lock: a reader asks after each record and must not wait until a sender has sealed.
    private volatile bool _hasOutput;

    /// <summary>
    /// Records to send now. They stay valid and in place until <see cref="ConsumeOutput"/>; ask again after consuming, since more may wait. For the sender only.
    /// </summary>
    public ReadOnlyMemory<byte> Output
    {
        get
        {
            lock (_sending)
            {
                while (_deferred.TryDequeue(out Deferred next))
                {
                    Apply(next.Type, next.Content, next.Next);
                }
                _hasOutput = !_output.IsEmpty;
                return _output.Front;
            }
        }
    }

    /// <summary>True when <see cref="Output"/> has bytes. Any thread may ask.</summary>
    public bool HasOutput => _hasOutput;

    /// <summary>True when this handshake message waits already for the sender to ask for <see cref="Output"/>.</summary>
    protected bool IsDeferred(ReadOnlySpan<byte> message)
    {
        lock (_sending)
        {
            foreach (Deferred next in _deferred)
            {
                if (next.Type == RecordType.Handshake && message.SequenceEqual(next.Content))
                {
                    return true;
                }
            }
            return false;
        }
    }

    /// <summary>Handshake messages being written; <see cref="SendFlight"/> sends them. Reader's thread only.</summary>
    protected TlsWriter Flight => _flight ??= new TlsWriter(4096);

    /// <summary>The lock of the sending side; <see cref="OnWriteKeyLimit"/> holds it. Nothing that waits may be done under it.</summary>
    protected Lock SendingLock => _sending;

    /// <summary>Version in the headers of unprotected records.</summary>
    protected abstract ushort PlaintextRecordVersion { get; }

    /// <summary>Forgets bytes of <see cref="Output"/> that were sent.</summary>
    public void ConsumeOutput(int count)
    {
        lock (_sending)
        {
            _output.Consume(count);
            _hasOutput = _deferred.Count > 0 || !_output.IsEmpty;
        }
    }

    /// <summary>Bytes that <see cref="Seal"/> writes for so much application data.</summary>
    public int GetSealedLength(int plaintextLength)
    {
        lock (_sending)
        {
            return RequireOpen().GetSealedLength(plaintextLength, Settings.FragmentLength);
        }
    }

    /// <summary>Seals application data of any length as records; many at once are sealed in lanes.</summary>
    /// <param name="plaintext">May be empty: then nothing is written.</param>
    /// <param name="destination">At least <see cref="GetSealedLength"/> bytes; must not overlap <paramref name="plaintext"/>.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="SmTlsException">The connection is closed or has failed, or <see cref="SmTlsError.KeyLimitReached"/>.</exception>
    /// <exception cref="InvalidOperationException">The handshake is not complete, or <see cref="Output"/> that was shown was not consumed: it must be sent first.</exception>
    public int Seal(ReadOnlySpan<byte> plaintext, Span<byte> destination)
    {
        lock (_sending)
        {
            RecordProtection write = RequireOpen();
            if (write.SequenceNumber >= MaxSealedRecords)
            {
                throw new SmTlsException(SmTlsError.KeyLimitReached, "As many records were sent under these keys as may be; open a new connection.");
            }
            if (!_output.IsEmpty)
            {
                throw new InvalidOperationException("Records in Output come before application data; send and consume them first.");
            }
            int written = write.SealAll(RecordType.ApplicationData, plaintext, Settings.FragmentLength, destination);
            if (write.IsKeyLimitNear)
            {
                OnWriteKeyLimit(write.SequenceNumber);
            }
            return written;
        }
    }

    /// <summary>Says close_notify: this end sends no more. Once; nothing after a failure. The peer's data may still be received.</summary>
    public void Close()
    {
        lock (_sending)
        {
            if (!_isClosed && Failure is null && !_isDisposed)
            {
                SendAlertContent(TlsAlert.CloseNotify);
            }
        }
    }

    /// <summary>Called with every <see cref="Seal"/> after so many records that the keys should change; the lock is held. TLS 1.3 queues a KeyUpdate.</summary>
    protected virtual void OnWriteKeyLimit(ulong sequenceNumber)
    {
    }

    /// <summary>Where the next message will stand in <see cref="Flight"/>; give it to <see cref="EndMessage"/>.</summary>
    protected int BeginMessage() => Flight.Length;

    /// <summary>The message begun at <paramref name="start"/> is written: it goes to the transcript.</summary>
    protected void EndMessage(int start) => Transcript.Append(Flight.Written[start..]);

    /// <summary>Seals the messages of <see cref="Flight"/> under the keys in force, each in a record of its own or in as few as they fit.</summary>
    protected void SendFlight()
    {
        if (_flight is null || _flight.Length == 0)
        {
            return;
        }
        lock (_sending)
        {
            ReadOnlySpan<byte> messages = _flight.Written;
            while (!messages.IsEmpty)
            {
                int length = messages.Length;
                if (!Settings.CoalescesMessages)
                {
                    HandshakeMessage.TryRead(messages, messages.Length, out HandshakeMessage message, out _);
                    length = message.Bytes.Length;
                }
                Send(RecordType.Handshake, messages[..length], null);
                messages = messages[length..];
            }
        }
        _flight.Clear();
    }

    /// <summary>Records under one set of keys after which <see cref="Seal"/> takes no more.</summary>
    protected virtual ulong MaxSealedRecords => ulong.MaxValue;

    /// <summary>Sends <see cref="Flight"/> and an unprotected ChangeCipherSpec.</summary>
    protected void SendChangeCipherSpec()
    {
        SendFlight();
        lock (_sending)
        {
            WritePlain(RecordType.ChangeCipherSpec, [1]);
        }
    }

    /// <summary>Sends <see cref="Flight"/> under the keys in force, and what follows under these, which the engine owns.</summary>
    protected void ProtectWriting(RecordProtection next)
    {
        SendFlight();
        lock (_sending)
        {
            Send(RecordType.Handshake, default, next);
        }
    }

    /// <summary>
    /// Sends one handshake message and, when <paramref name="next"/> is there, everything after it under those keys: KeyUpdate. Any thread; hold <see cref="SendingLock"/> around the
    /// derivation of the keys and this call. Nothing is sent when this end is closed: an alert or close_notify is the last record.
    /// </summary>
    protected void SendMessage(ReadOnlySpan<byte> message, RecordProtection? next)
    {
        lock (_sending)
        {
            if (_isClosed || _isDisposed)
            {
                next?.Dispose();
                return;
            }
            Send(RecordType.Handshake, message, next);
        }
    }

    private void SendAlert(TlsAlert alert)
    {
        lock (_sending)
        {
            if (!_isDisposed)
            {
                SendAlertContent(alert);
            }
        }
    }

    private void SendAlertContent(TlsAlert alert)
    {
        Span<byte> content = stackalloc byte[TlsAlert.Length];
        alert.Write(content);
        Send(RecordType.Alert, content, null);
        _isClosed = true;
    }

    // During the handshake nothing else is sealed, and the order is that of the calls. Afterwards the sender decides when.
    private void Send(RecordType type, ReadOnlySpan<byte> content, RecordProtection? next)
    {
        if (_isHandshakeComplete)
        {
            _deferred.Enqueue(new Deferred(type, content.ToArray(), next));
            _hasOutput = true;
        }
        else
        {
            Apply(type, content, next);
        }
    }

    private void Apply(RecordType type, ReadOnlySpan<byte> content, RecordProtection? next)
    {
        // Alerts are never cut (RFC 8446 section 5.1).
        int fragment = type == RecordType.Handshake ? Settings.HandshakeFragmentLength : RecordHeader.MaxPlaintext;
        if (_write is not null)
        {
            _hasOutput |= !content.IsEmpty;
            _write.SealAll(type, content, fragment, _output.Append(_write.GetSealedLength(content.Length, fragment)));
        }
        else
        {
            for (; !content.IsEmpty; content = content[Math.Min(content.Length, fragment)..])
            {
                WritePlain(type, content[..Math.Min(content.Length, fragment)]);
            }
        }
        if (next is not null)
        {
            _write?.Dispose();
            _write = next;
        }
    }

    private void WritePlain(RecordType type, ReadOnlySpan<byte> content)
    {
        _hasOutput = true;
        Span<byte> record = _output.Append(RecordHeader.Size + content.Length);
        new RecordHeader(type, PlaintextRecordVersion, content.Length).Write(record);
        content.CopyTo(record[RecordHeader.Size..]);
    }

    // For tests of the end of the sequence.
    internal void SkipSealedTo(ulong sequenceNumber) => _write!.SkipTo(sequenceNumber);

    private RecordProtection RequireOpen()
    {
        if (_isClosed || _isDisposed || Failure is not null)
        {
            throw Failure is { } failure
                ? new SmTlsException(SmTlsError.ConnectionClosed, $"The connection has failed before: {failure.Message}", failure)
                : new SmTlsException(SmTlsError.ConnectionClosed, "This end of the connection was closed; nothing more can be sent.");
        }
        return _isHandshakeComplete ? _write! : throw new InvalidOperationException("Application data can be sent when the handshake is complete.");
    }

    private void EndHandshakeSending()
    {
        SendFlight();
        _flight?.Dispose();
        _flight = null;
    }

    private void DisposeSending()
    {
        lock (_sending)
        {
            _isDisposed = true;
            _flight?.Dispose();
            _flight = null;
            _write?.Dispose();
            _output.Dispose();
            while (_deferred.TryDequeue(out Deferred next))
            {
                next.Next?.Dispose();
            }
        }
    }

    /// <summary>Something to send, and the keys to change to after it, if any.</summary>
    private readonly record struct Deferred(RecordType Type, byte[] Content, RecordProtection? Next);
}
