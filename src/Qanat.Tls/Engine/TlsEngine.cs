using System.Net.Security;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine;

/// <summary>
/// One end of a TLCP or TLS 1.3 connection without I/O: records go in by <see cref="Receive"/>, records to send come out of <see cref="Output"/>, application data is sealed by
/// <see cref="Seal"/>. This class has what both protocols share: records, flights, alerts, bounds, closing; a subclass has the handshake.
/// <para>
/// Threads: one may call <see cref="Receive"/> while another, the sender, calls <see cref="Output"/>, <see cref="ConsumeOutput"/>, <see cref="Seal"/> and <see cref="Close"/>.
/// Whoever sends must send in the order in which it got the bytes, and must have consumed <see cref="Output"/> before it seals: so several senders need a lock of their own around
/// "get the bytes and send them". What <see cref="Receive"/> wants sent after the handshake (an alert, an answer to KeyUpdate) is sealed only when the sender asks for
/// <see cref="Output"/>, so it never slips in between. Nothing is allocated per record of application data.
/// </para>
/// </summary>
internal abstract partial class TlsEngine : IDisposable
{
    private readonly HandshakeReader _reader;
    private RecordProtection? _read;
    private SmTlsException? _failure;
    private string _refusal = "";
    private volatile bool _isHandshakeComplete;
    private volatile bool _isPeerClosed;
    private int _handshakeBytes;
    private int _idleRecords;
    private int _warnings;

    /// <summary>Creates an engine.</summary>
    /// <param name="isServer">Which end this is.</param>
    /// <param name="settings">Bounds and services.</param>
    /// <param name="keepsRawTranscript">True when a peer may sign the messages themselves; see <see cref="HandshakeTranscript"/>.</param>
    protected TlsEngine(bool isServer, TlsEngineSettings settings, bool keepsRawTranscript)
    {
        IsServer = isServer;
        Settings = settings;
        _reader = new HandshakeReader(settings.MaxMessageLength);
        Transcript = new HandshakeTranscript(keepsRawTranscript);
    }

    /// <summary>Which end this is.</summary>
    public bool IsServer { get; }

    /// <summary>The protocol spoken.</summary>
    public abstract SmProtocol Protocol { get; }

    /// <summary>Longest fragment for the next <see cref="RecordHeader.TryRead"/>.</summary>
    public int MaxFragmentLength => _read?.MaxFragmentLength ?? RecordHeader.MaxPlaintext;

    /// <summary>True when application data may flow in both directions. The properties of the outcome are final then.</summary>
    public bool IsHandshakeComplete => _isHandshakeComplete;

    /// <summary>True when the peer has said in order that it sends no more. An end of the transport without it is <see cref="SmTlsError.Truncated"/>.</summary>
    public bool IsPeerClosed => _isPeerClosed;

    /// <summary>Why the connection failed, with a line for a person; null while it lives. Its alert, if it has one, is in <see cref="Output"/>.</summary>
    public SmTlsException? Failure => Volatile.Read(ref _failure);

    /// <summary>The suite agreed on.</summary>
    public SmCipherSuite CipherSuite { get; protected set; }

    /// <summary>The key exchange group agreed on; for TLCP curveSM2 with ECDHE suites, otherwise none.</summary>
    public NamedGroup Group { get; protected set; }

    /// <summary>The application protocol agreed on (RFC 7301); the default value when none was.</summary>
    public SslApplicationProtocol ApplicationProtocol { get; protected set; }

    /// <summary>The host name that the client asked for (RFC 6066 section 3); null when it did not.</summary>
    public string? ServerName { get; protected set; }

    /// <summary>The peer's certificates, validated; null when it showed none. After resumption those of the first connection.</summary>
    public SmChainResult? PeerChain { get; protected set; }

    /// <summary>True when an earlier session was resumed.</summary>
    public bool IsResumed { get; protected set; }

    protected TlsEngineSettings Settings { get; }

    /// <summary>Both ends' handshake messages. The subclass appends what it receives; <see cref="EndMessage"/> appends what is sent.</summary>
    protected HandshakeTranscript Transcript { get; }

    /// <summary>True when records from the peer are protected.</summary>
    protected bool IsReadProtected => _read is not null;

    /// <summary>True when the peer has sent application data.</summary>
    protected bool HasReceivedData { get; private set; }

    /// <summary>True when part of a handshake message waits for its rest: keys must not change then.</summary>
    protected bool HasPartialMessage => !_reader.IsEmpty;

    /// <summary>Begins the handshake: a client puts its hello in <see cref="Output"/>, a server waits.</summary>
    public virtual void Start()
    {
    }

    /// <summary>Takes one record. On an error the connection is over: <see cref="Failure"/> says why, and the alert is in <see cref="Output"/>.</summary>
    /// <param name="header">The record's header, read with the bound <see cref="MaxFragmentLength"/>.</param>
    /// <param name="fragment">The bytes after the header; overwritten.</param>
    /// <param name="applicationData">A slice of <paramref name="fragment"/> with application data; empty when there is none.</param>
    public SmTlsError Receive(RecordHeader header, Span<byte> fragment, out Span<byte> applicationData)
    {
        applicationData = default;
        if (Failure is { } earlier)
        {
            return earlier.Error;
        }
        SmTlsError error;
        try
        {
            error = Process(header, fragment, out applicationData);
        }
        catch (SmTlsException e)
        {
            Fail(e, e.Alert);
            return e.Error;
        }
        // An engine has code of the application's in it (callbacks), and the peer must not be left waiting when that throws.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Fail(new SmTlsException(SmTlsError.InternalError, $"the handshake could not go on: {e.Message}", e), AlertDescription.InternalError);
            return SmTlsError.InternalError;
        }
        if (error != SmTlsError.None)
        {
            Fail(error, _refusal);
            applicationData = default;
            error = Failure!.Error;
        }
        return error;
    }

    /// <summary>
    /// Ends the connection with an error of the caller's (a timeout, a bad record header); its alert goes to <see cref="Output"/>. The first failure stands. Thread-safe.
    /// </summary>
    public void Fail(SmTlsError error, string message) => Fail(new SmTlsException(error, message), AlertFor(error));

    /// <summary>Exports keying material of this connection (RFC 5705, RFC 8446 section 7.5), once the handshake is complete.</summary>
    /// <param name="label">The purpose, in ASCII.</param>
    /// <param name="context">Mixed in when <paramref name="hasContext"/>.</param>
    /// <param name="hasContext">In TLCP an empty context and none differ; in TLS 1.3 they do not.</param>
    /// <param name="destination">Written.</param>
    public abstract void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, bool hasContext, Span<byte> destination);

    /// <summary>Zeroes keys and buffers. No other call may run.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes one whole handshake message, during the handshake and after it; appends it to <see cref="Transcript"/> where it belongs. Returns what <see cref="Refuse"/> returns, or none.</summary>
    protected abstract SmTlsError OnHandshake(HandshakeMessage message);

    /// <summary>Takes a ChangeCipherSpec record of the one byte 1 that came unprotected, between whole handshake messages.</summary>
    protected abstract SmTlsError OnChangeCipherSpec();

    /// <summary>True when a record may come unprotected although keys are there: ChangeCipherSpec and alerts at the start of TLS 1.3.</summary>
    protected virtual bool AcceptsUnprotected(RecordHeader header) => false;

    /// <summary>True when a record of so many bytes that cannot be read is passed over: early data of TLS 1.3 that the server does not take (RFC 8446 section 4.2.10).</summary>
    protected virtual bool SkipsUnreadable(int length) => false;

    /// <summary>Called with every record received after so many under one set of keys that they should change; TLS 1.3 may ask the peer for a KeyUpdate.</summary>
    /// <param name="sequenceNumber">That of the next record.</param>
    protected virtual void OnReadKeyLimit(ulong sequenceNumber)
    {
    }

    /// <summary>True when a record of this version is in order.</summary>
    protected abstract bool AcceptsRecordVersion(ushort version);

    /// <summary>True when the alert ends the connection; TLS 1.3 pays no heed to the level.</summary>
    protected virtual bool IsFatal(TlsAlert alert) => alert.IsFatal;

    /// <summary>The alert that tells the peer of an error.</summary>
    protected virtual AlertDescription? AlertFor(SmTlsError error) => error.ToAlert();

    /// <summary>Called once when the connection fails: sessions are forgotten, dialects are learned. May run on any thread.</summary>
    protected virtual void OnFailed(SmTlsException failure)
    {
    }

    /// <summary>Zeroes what the subclass holds; it calls this base.</summary>
    protected virtual void Dispose(bool disposing)
    {
        _read?.Dispose();
        _reader.Dispose();
        Transcript.Dispose();
        DisposeSending();
    }

    /// <summary>Notes what is wrong, for <see cref="Failure"/>, and returns the error.</summary>
    protected SmTlsError Refuse(SmTlsError error, string message)
    {
        _refusal = message;
        return error;
    }

    /// <summary>Records from the peer come under these keys from now on; the engine owns them. Refused when the rest of a record follows that came under the old ones (RFC 8446 section 5.1).</summary>
    protected SmTlsError ProtectReading(RecordProtection next)
    {
        if (HasPartialMessage)
        {
            next.Dispose();
            return Refuse(SmTlsError.UnexpectedMessage, "a handshake message of the peer goes on across a change of keys");
        }
        _read?.Dispose();
        _read = next;
        return SmTlsError.None;
    }

    /// <summary>The handshake is done: application data may flow, and the transcript is dropped.</summary>
    protected void CompleteHandshake()
    {
        (_handshakeBytes, _idleRecords, _warnings) = (0, 0, 0);
        EndHandshakeSending();
        Transcript.DropRaw();
        _isHandshakeComplete = true;
    }

    /// <summary>Gives a secret to the key log when there is one.</summary>
    /// <param name="label">One of <see cref="KeyLogLine"/>.</param>
    /// <param name="clientRandom">32 bytes.</param>
    /// <param name="secret">The secret.</param>
    protected void LogKey(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret) => Settings.KeyLog?.Invoke(KeyLogLine.Format(label, clientRandom, secret));

    private void Fail(SmTlsException failure, AlertDescription? alert)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is not null)
        {
            return;
        }
        OnFailed(failure);
        if (alert is { } description)
        {
            SendAlert(new TlsAlert(AlertLevel.Fatal, description));
        }
    }
}
