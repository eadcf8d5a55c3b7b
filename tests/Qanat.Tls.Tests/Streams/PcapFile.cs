using System.Buffers.Binary;

namespace Qanat.Tls.Tests.Streams;

/// <summary>Writes a capture of one TCP connection (pcap, Ethernet, IPv4) from the bytes that both ends sent, so that tshark can be asked without root and without a network.</summary>
internal static class PcapFile
{
    public const ushort ServerPort = 4433;

    private const ushort ClientPort = 50_000;
    private const int EthernetLength = 14, IpLength = 20, TcpLength = 20;
    private const int MaxSegment = 1400;
    private const byte Fin = 0x01, Syn = 0x02, Push = 0x08, Ack = 0x10;

    /// <summary>Writes the file: handshake of TCP, the segments, the end.</summary>
    public static void Write(string path, IReadOnlyList<(bool FromClient, byte[] Bytes)> segments)
    {
        using FileStream file = File.Create(path);
        Span<byte> header = stackalloc byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xA1B2C3D4);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], 65_535);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        file.Write(header);
        Connection connection = new(file);
        connection.Send(true, Syn, []);
        connection.Send(false, Syn | Ack, []);
        connection.Send(true, Ack, []);
        foreach ((bool fromClient, byte[] bytes) in segments)
        {
            foreach (byte[] part in bytes.Chunk(MaxSegment))
            {
                connection.Send(fromClient, Push | Ack, part);
            }
            connection.Send(!fromClient, Ack, []);
        }
        connection.Send(true, Fin | Ack, []);
        connection.Send(false, Fin | Ack, []);
        connection.Send(true, Ack, []);
    }

    private sealed class Connection(Stream file)
    {
        private uint _clientNext = 1_000;
        private uint _serverNext = 9_000;
        private uint _microseconds;
        private ushort _id;

        public void Send(bool fromClient, byte flags, ReadOnlySpan<byte> payload)
        {
            int length = EthernetLength + IpLength + TcpLength + payload.Length;
            byte[] packet = new byte[16 + length];
            _microseconds += 10;
            BinaryPrimitives.WriteUInt32LittleEndian(packet, 1_790_000_000 + _microseconds / 1_000_000);
            BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(4), _microseconds % 1_000_000);
            BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(8), length);
            BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(12), length);
            Span<byte> frame = packet.AsSpan(16);
            (frame[5], frame[11]) = fromClient ? ((byte)2, (byte)1) : ((byte)1, (byte)2);
            frame[12] = 0x08; // IPv4
            Span<byte> ip = frame[EthernetLength..];
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(length - EthernetLength));
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], ++_id);
            (ip[8], ip[9]) = (64, 6);
            ReadOnlySpan<byte> client = [192, 0, 2, 1], server = [192, 0, 2, 2];
            (fromClient ? client : server).CopyTo(ip[12..]);
            (fromClient ? server : client).CopyTo(ip[16..]);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Checksum(ip[..IpLength], 0));
            Span<byte> tcp = ip[IpLength..];
            BinaryPrimitives.WriteUInt16BigEndian(tcp, fromClient ? ClientPort : ServerPort);
            BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], fromClient ? ServerPort : ClientPort);
            ref uint next = ref fromClient ? ref _clientNext : ref _serverNext;
            BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], next);
            BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], (flags & Ack) != 0 ? (fromClient ? _serverNext : _clientNext) : 0);
            (tcp[12], tcp[13]) = (0x50, flags);
            BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], ushort.MaxValue);
            payload.CopyTo(tcp[TcpLength..]);
            BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], Checksum(tcp, (uint)(6 + tcp.Length) + Sum(ip[12..20])));
            next += (uint)payload.Length + ((flags & (Syn | Fin)) != 0 ? 1u : 0);
            file.Write(packet);
        }

        private static ushort Checksum(ReadOnlySpan<byte> bytes, uint start)
        {
            uint sum = start + Sum(bytes);
            while (sum >> 16 != 0)
            {
                sum = (sum & 0xFFFF) + (sum >> 16);
            }
            return (ushort)~sum;
        }

        private static uint Sum(ReadOnlySpan<byte> bytes)
        {
            uint sum = 0;
            for (int i = 0; i < bytes.Length; i++)
            {
                sum += (uint)bytes[i] << (i % 2 == 0 ? 8 : 0);
            }
            return sum;
        }
    }
}
