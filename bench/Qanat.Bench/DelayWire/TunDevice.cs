using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Qanat.Bench.DelayWire;

/// <summary>
/// One TUN device (Linux, Documentation/networking/tuntap.rst) with virtio-net headers, so that TCP segmentation offload works and one read or
/// write carries up to 64 KiB, as a network card does. Opened in the network namespace of the calling thread.
/// </summary>
public sealed unsafe partial class TunDevice : IDisposable
{
    /// <summary>Largest packet with its virtio-net header.</summary>
    public const int MaximumPacket = 10 + 65_535;

    private const int OpenReadWrite = 2;
    private const nuint SetInterface = 0x400454ca; // TUNSETIFF
    private const nuint SetOffload = 0x400454d0; // TUNSETOFFLOAD
    private const ushort FlagTun = 0x0001;
    private const ushort FlagNoPacketInformation = 0x1000;
    private const ushort FlagVirtioHeader = 0x4000;
    private const nuint OffloadChecksum = 0x01;
    private const nuint OffloadTcp4 = 0x02;
    private readonly int _descriptor;

    private TunDevice(int descriptor) => _descriptor = descriptor;

    /// <exception cref="Win32Exception">Not allowed, or no TUN in this kernel.</exception>
    public static TunDevice Open(string name)
    {
        int descriptor = open("/dev/net/tun", OpenReadWrite);
        if (descriptor < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
        Span<byte> request = stackalloc byte[40]; // struct ifreq: 16 bytes of name, then flags.
        request.Clear();
        Encoding.ASCII.GetBytes(name, request[..15]);
        MemoryMarshal.Write(request[16..], (ushort)(FlagTun | FlagNoPacketInformation | FlagVirtioHeader));
        fixed (byte* pointer = request)
        {
            if (ioctl(descriptor, SetInterface, (nuint)pointer) < 0 || ioctl(descriptor, SetOffload, OffloadChecksum | OffloadTcp4) < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                _ = close(descriptor);
                throw new Win32Exception(error);
            }
        }
        return new TunDevice(descriptor);
    }

    /// <summary>Reads one packet; blocks. 0 or less when the device is gone.</summary>
    public int Read(Span<byte> into)
    {
        fixed (byte* pointer = into)
        {
            return (int)read(_descriptor, pointer, (nuint)into.Length);
        }
    }

    /// <summary>Writes one packet. False when the other side's stack would not take it (as a full queue on a wire).</summary>
    public bool Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* pointer = packet)
        {
            return write(_descriptor, pointer, (nuint)packet.Length) == packet.Length;
        }
    }

    public void Dispose() => _ = close(_descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)] private static partial int open(string path, int flags);
    [LibraryImport("libc", SetLastError = true)] private static partial int ioctl(int descriptor, nuint request, nuint argument);
    [LibraryImport("libc", SetLastError = true)] private static partial nint read(int descriptor, byte* into, nuint length);
    [LibraryImport("libc", SetLastError = true)] private static partial nint write(int descriptor, byte* from, nuint length);
    [LibraryImport("libc", SetLastError = true)] private static partial int close(int descriptor);
}
