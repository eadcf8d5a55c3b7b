using Qanat.Gm;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Engine;

/// <summary>Bounds and services of an engine that have nothing to do with the protocol it speaks. Immutable; may be shared by many engines.</summary>
internal sealed record TlsEngineSettings
{
    /// <summary>The defaults.</summary>
    public static TlsEngineSettings Default { get; } = new();

    /// <summary>Longest body of a handshake message taken, in bytes.</summary>
    public int MaxMessageLength { get; init; } = HandshakeReader.DefaultMaxMessageLength;

    /// <summary>Most handshake bytes taken in one handshake, and afterwards between two records of application data. Bounds the transcript that is kept.</summary>
    public int MaxHandshakeBytes { get; init; } = 2 * HandshakeReader.DefaultMaxMessageLength;

    /// <summary>Most records without effect in a row: empty application data, ChangeCipherSpec records that TLS 1.3 ignores.</summary>
    public int MaxIdleRecords { get; init; } = 32;

    /// <summary>Most warning alerts in a row.</summary>
    public int MaxWarnings { get; init; } = 8;

    /// <summary>Plaintext bytes in each record of application data, 1 to 16,384.</summary>
    public int FragmentLength { get; init; } = RecordHeader.MaxPlaintext;

    /// <summary>Most plaintext bytes in a record of handshake messages, 1 to 16,384.</summary>
    public int HandshakeFragmentLength { get; init; } = RecordHeader.MaxPlaintext;

    /// <summary>Several handshake messages in one record where they fit. By default each begins a record of its own, since GmSSL reads no more than one from a record.</summary>
    public bool CoalescesMessages { get; init; }

    /// <summary>Takes the lines of a key log; null, the default, unless one was asked for.</summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>The clock that certificates and sessions are judged by.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Fills the random of this end's hello; null, the default: the system's random numbers. Tests with recorded peers set it.</summary>
    public Action<Span<byte>>? HelloRandom { get; init; }

    /// <summary>For tests against a recorded TLS 1.3 server: the ClientHello message that it was sent, in the place of this end's own; <see cref="EphemeralKey"/> made its share.</summary>
    public byte[]? RecordedHello { get; init; }

    /// <summary>Makes TLCP's ephemeral key; null, the default: a new one. Tests with recorded peers set it.</summary>
    public Func<Sm2>? EphemeralKey { get; init; }

    /// <summary>Those of a connection's options.</summary>
    public static TlsEngineSettings From(SmSslAuthenticationOptions options) => new()
    {
        MaxMessageLength = Math.Min(options.MaxHandshakeBytes, HandshakeReader.DefaultMaxMessageLength),
        MaxHandshakeBytes = options.MaxHandshakeBytes,
        KeyLog = options.KeyLog,
        Time = options.TimeProvider,
    };
}
