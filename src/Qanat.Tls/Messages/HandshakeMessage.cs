namespace Qanat.Tls.Messages;

/// <summary>One whole handshake message; a view whose bytes belong to the <see cref="HandshakeReader"/> or the caller.</summary>
public readonly ref struct HandshakeMessage
{
    /// <summary>Bytes of type and length in front of the body.</summary>
    public const int HeaderLength = 4;

    internal HandshakeMessage(ReadOnlySpan<byte> whole) => Bytes = whole;

    /// <summary>Type, length and body: what the transcript takes.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>The type, known or not.</summary>
    public HandshakeType Type => (HandshakeType)Bytes[0];

    /// <summary>The body.</summary>
    public ReadOnlySpan<byte> Body => Bytes[HeaderLength..];

    /// <summary>
    /// Reads the message in front of <paramref name="source"/>. <see cref="SmTlsError.MessageTooLarge"/> as soon as the header says more than <paramref name="maxLength"/>.
    /// </summary>
    /// <param name="source">Handshake bytes from a message's start.</param>
    /// <param name="maxLength">Longest body allowed.</param>
    /// <param name="message">The message when complete.</param>
    /// <param name="error">Why it is malformed.</param>
    public static TlsReadStatus TryRead(ReadOnlySpan<byte> source, int maxLength, out HandshakeMessage message, out SmTlsError error)
    {
        message = default;
        error = SmTlsError.None;
        if (source.Length < HeaderLength)
        {
            return TlsReadStatus.NeedMoreData;
        }
        int length = (source[1] << 16) | (source[2] << 8) | source[3];
        if (length > maxLength)
        {
            error = SmTlsError.MessageTooLarge;
            return TlsReadStatus.Malformed;
        }
        if (source.Length - HeaderLength < length)
        {
            return TlsReadStatus.NeedMoreData;
        }
        message = new HandshakeMessage(source[..(HeaderLength + length)]);
        return TlsReadStatus.Complete;
    }
}
