using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls;

/// <summary>What the start of a connection says, with the bytes still in the buffer.</summary>
/// <param name="Kind">What the client wants to speak.</param>
/// <param name="ServerName">server_name in lower case; null when there is none.</param>
/// <param name="Start">The first bytes in hex, for messages.</param>
/// <param name="StartText">The same as ASCII; dots for what is not printable.</param>
internal sealed record ClientHelloPeek(SmConnectionKind Kind, string? ServerName, string Start, string StartText)
{
    // A hello of the longest kind, in records so small that half of the bytes are headers. In smaller ones nobody sends.
    private const int MaxBytes = 2 * ClientHelloRecords.DefaultMaxLength;
    private const int StartBytes = 8;

    /// <summary>Reads until the ClientHello is whole or can be none any more.</summary>
    /// <param name="inner">The transport.</param>
    /// <param name="received">Where the bytes go; nothing is taken out of it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmTlsException"><see cref="SmTlsError.Truncated"/>: the transport ended before.</exception>
    public static async ValueTask<ClientHelloPeek> ReadAsync(Stream inner, ReceiveBuffer received, CancellationToken cancellationToken)
    {
        int needed = 1;
        while (true)
        {
            while (received.Length < needed)
            {
                if (received.Length == 0)
                {
                    await inner.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
                }
                int count = await inner.ReadAsync(received.GetRoom(Math.Max(needed - received.Length, SmSslStream.HelloRoomBytes)), cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    throw new SmTlsException(SmTlsError.Truncated, received.Length == 0
                        ? "The peer closed the connection without a word."
                        : "The peer closed the connection in the middle of its ClientHello.");
                }
                received.Commit(count);
            }
            if (TryJudge(received.Available, out ClientHelloPeek? peek, out needed))
            {
                return peek;
            }
        }
    }

    /// <summary>Bytes as ASCII for a message; dots for what is not printable.</summary>
    public static string Printable(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length);
        foreach (byte one in bytes)
        {
            text.Append(one is >= 0x20 and < 0x7F ? (char)one : '.');
        }
        return text.ToString();
    }

    private static bool TryJudge(ReadOnlySpan<byte> received, [NotNullWhen(true)] out ClientHelloPeek? peek, out int needed)
    {
        peek = null;
        byte[] scratch = ArrayPool<byte>.Shared.Rent(ClientHelloRecords.DefaultMaxLength);
        try
        {
            TlsReadStatus status = ClientHelloRecords.TryRead(
                received, scratch.AsSpan(0, ClientHelloRecords.DefaultMaxLength), out ClientHello hello, out needed, out SmTlsError error);
            if (status == TlsReadStatus.NeedMoreData && needed <= MaxBytes)
            {
                return false;
            }
            ReadOnlySpan<byte> first = received[..Math.Min(received.Length, StartBytes)];
            (string start, string text) = (Convert.ToHexStringLower(first), Printable(first));
            if (status == TlsReadStatus.Complete)
            {
                string? name = hello.ServerName.IsEmpty ? null : Encoding.ASCII.GetString(hello.ServerName).ToLowerInvariant();
                peek = new ClientHelloPeek(SmConnectionKinds.Of(hello), name, start, text);
                return true;
            }
            // A hello that is broken or too long is judged by the engine of its kind, which sends the right alert.
            peek = new ClientHelloPeek(KindByRecord(received, error), null, start, text);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    private static SmConnectionKind KindByRecord(ReadOnlySpan<byte> received, SmTlsError error)
    {
        if (received[0] != (byte)RecordType.Handshake || error is SmTlsError.InvalidRecordType or SmTlsError.InvalidRecordVersion)
        {
            return SmConnectionKind.NotTls;
        }
        return received.Length > 1 && received[1] == ProtocolVersions.Tlcp >> 8 ? SmConnectionKind.Tlcp : SmConnectionKind.OrdinaryTls;
    }
}
