using Qanat.Tls.Records;

namespace Qanat.Tls.Messages;

/// <summary>
/// Finds and reads the ClientHello at the start of a connection, in whatever records it comes: for a listener that tells TLCP, TLS 1.3-SM and ordinary TLS apart, and for an
/// edge that routes by server name. A pure function over the bytes received so far; it allocates nothing.
/// </summary>
public static class ClientHelloRecords
{
    /// <summary>A bound that every known client stays under, in bytes of the handshake message, header included.</summary>
    public const int DefaultMaxLength = 1 << 14;

    /// <summary>
    /// Reads the hello. Errors: those of <see cref="RecordHeader.TryRead"/> and <see cref="ClientHello.Read"/>; <see cref="SmTlsError.UnexpectedMessage"/> when something else comes first;
    /// <see cref="SmTlsError.MessageTooLarge"/> when the message says that it is longer than <paramref name="scratch"/>, judged by its first four bytes. The outcome does not
    /// depend on how the message is cut into records or reads.
    /// </summary>
    /// <param name="received">Everything received on the connection; never changed.</param>
    /// <param name="scratch">Where a hello cut into several records is put together; its length is the bound, <see cref="DefaultMaxLength"/> as a rule.</param>
    /// <param name="hello">The hello when complete: a view into <paramref name="received"/> or <paramref name="scratch"/>.</param>
    /// <param name="neededLength">With <see cref="TlsReadStatus.NeedMoreData"/>: calling again is of no use before so many bytes have been received in all.</param>
    /// <param name="error">Why it is malformed.</param>
    public static TlsReadStatus TryRead(ReadOnlySpan<byte> received, Span<byte> scratch, out ClientHello hello, out int neededLength, out SmTlsError error)
    {
        hello = default;
        neededLength = 0;
        int position = 0;
        int gathered = 0;
        while (true)
        {
            if (position < received.Length
                && (RecordType)received[position] is RecordType.ChangeCipherSpec or RecordType.Alert or RecordType.ApplicationData)
            {
                return Fail(SmTlsError.UnexpectedMessage, out error);
            }
            TlsReadStatus status = RecordHeader.TryRead(received[position..], RecordHeader.MaxPlaintext, out RecordHeader header, out error);
            if (status != TlsReadStatus.Complete)
            {
                neededLength = position + RecordHeader.Size + 1;
                return status;
            }
            if (header.Length == 0)
            {
                return Fail(SmTlsError.UnexpectedMessage, out error);
            }
            position += RecordHeader.Size;
            ReadOnlySpan<byte> content = received.Slice(position, Math.Min(header.Length, received.Length - position));
            if (gathered == 0 && !content.IsEmpty && content[0] != (byte)HandshakeType.ClientHello)
            {
                return Fail(SmTlsError.UnexpectedMessage, out error);
            }
            if (gathered == 0 && HandshakeMessage.TryRead(content, Math.Max(0, scratch.Length - HandshakeMessage.HeaderLength), out HandshakeMessage whole, out error) is var direct
                and not TlsReadStatus.NeedMoreData)
            {
                return direct == TlsReadStatus.Complete ? Finish(whole, out hello, out error) : direct;
            }
            int take = Math.Min(content.Length, scratch.Length - gathered);
            content[..take].CopyTo(scratch[gathered..]);
            gathered += take;
            status = HandshakeMessage.TryRead(scratch[..gathered], Math.Max(0, scratch.Length - HandshakeMessage.HeaderLength), out HandshakeMessage message, out error);
            if (status != TlsReadStatus.NeedMoreData)
            {
                return status == TlsReadStatus.Complete ? Finish(message, out hello, out error) : status;
            }
            if (take < content.Length)
            {
                return Fail(SmTlsError.MessageTooLarge, out error);
            }
            if (content.Length < header.Length)
            {
                neededLength = Needed(scratch[..gathered], received.Length, position + header.Length);
                return TlsReadStatus.NeedMoreData;
            }
            position += header.Length;
        }
    }

    // What the message still lacks, when this record will bring it; otherwise this record's end and the first byte of the next.
    private static int Needed(ReadOnlySpan<byte> gathered, int received, int recordEnd)
    {
        int length = gathered.Length < HandshakeMessage.HeaderLength
            ? HandshakeMessage.HeaderLength
            : HandshakeMessage.HeaderLength + ((gathered[1] << 16) | (gathered[2] << 8) | gathered[3]);
        int whole = received + length - gathered.Length;
        return whole <= recordEnd ? whole : recordEnd + RecordHeader.Size + 1;
    }

    private static TlsReadStatus Finish(HandshakeMessage message, out ClientHello hello, out SmTlsError error)
    {
        error = ClientHello.Read(message.Body, out hello);
        return error == SmTlsError.None ? TlsReadStatus.Complete : TlsReadStatus.Malformed;
    }

    private static TlsReadStatus Fail(SmTlsError reason, out SmTlsError error)
    {
        error = reason;
        return TlsReadStatus.Malformed;
    }
}
